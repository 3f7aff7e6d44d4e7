#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/box.hpp"
#include "sim/central_site.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// One file of tests/scenarios: packets in, packets out, time passes, on the minds in virtual time. The words:
///   given servers N                             given upstream|central|wan STATE: answers, silent, and of the wan refused
///   at T HOST asks NAME TYPE                    at T HOST gets RCODE[: RECORD[, RECORD]...]
///   at T HOST sends                             at T HOST gets METHOD|STATUS      (indented lines: the message, what it has)
///   at T HOST gets nothing                      at T mode is MODE
///   at T upstream|central|wan STATE             at T kill                     at T start
/// T is seconds from the start; "gets" means: in time, and not spoken of before. Lines that begin with # are comments.
class Scenario final : public Witness {
 public:
  explicit Scenario(std::string_view text);
  ~Scenario() override;
  /// Nothing when all was as written, else what was not, with the number of its line.
  std::vector<std::string> run();
  const std::vector<std::string>& ladder() const { return world_.ladder.lines(); }

  void box_received(const Datagram&) override {}
  void box_sent(const Datagram&) override {}
  void box_spins() override;

 private:
  struct Line {
    unsigned number = 0;
    Duration at{};
    std::vector<std::string> words;
    std::vector<std::string> details;  ///< the indented lines below
    std::string rest;                  ///< after the third word, as written
  };
  class ScriptedHost;

  void read(std::string_view text);
  void set_up(const Line& line);
  void perform(const Line& line);
  void change_place(const Line& line, std::string_view place, std::string_view state);
  void send(const Line& line, ScriptedHost& host);
  void expect(const Line& line, ScriptedHost& host);
  void expect_dns(const Line& line, ScriptedHost& host);
  void expect_sip(const Line& line, ScriptedHost& host);
  void wrong(const Line& line, std::string what);
  ScriptedHost& host(std::string_view address);

  World world_;
  CentralLocation location_;
  std::unique_ptr<CentralDns> dns_;
  std::vector<std::unique_ptr<CentralServer>> servers_;
  std::map<Address, std::unique_ptr<ScriptedHost>> hosts_;
  std::unique_ptr<Box> box_;
  std::vector<Line> given_;
  std::vector<Line> steps_;
  std::vector<std::string> wrong_;
};

}  // namespace ringhold::sim
