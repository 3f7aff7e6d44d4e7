#pragma once

#include <span>
#include <vector>

#include "dns/message.hpp"
#include "resolver/targets.hpp"

namespace ringhold::resolver {

/// What DNS has said in the course of one resolution, as resolve() wants it.
class Answers {
 public:
  /// What an answer adds to what is known, also that there is nothing.
  void take(const dns::Question& question, const dns::Message& answer);
  Known known() const { return {records_, absent_}; }

 private:
  std::vector<dns::Record> records_;
  std::vector<dns::Question> absent_;
};

inline bool is_same(const dns::Question& a, const dns::Question& b) { return a.type == b.type && a.name == b.name; }

}  // namespace ringhold::resolver
