#pragma once

#include <string_view>
#include <vector>

#include "sim/box.hpp"

namespace ringhold::sim {

/// Several who watch together.
class Jury final : public Witness {
 public:
  void add(Witness& one) { members_.push_back(&one); }

  void box_received(const Datagram& datagram) override {
    for (Witness* one : members_) one->box_received(datagram);
  }
  void box_sent(const Datagram& datagram) override {
    for (Witness* one : members_) one->box_sent(datagram);
  }
  void box_spins() override {
    for (Witness* one : members_) one->box_spins();
  }
  void box_settled(std::string_view id) override {
    for (Witness* one : members_) one->box_settled(id);
  }
  void box_noted(std::string_view fact, std::string_view aor) override {
    for (Witness* one : members_) one->box_noted(fact, aor);
  }

 private:
  std::vector<Witness*> members_;
};

}  // namespace ringhold::sim
