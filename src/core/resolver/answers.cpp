#include "resolver/answers.hpp"

namespace ringhold::resolver {

void Answers::take(const dns::Question& question, const dns::Message& answer) {
  bool any = false;
  for (const dns::Record& record : answer.records) {
    if (record.section == dns::Section::authority) continue;
    any = any || (record.section == dns::Section::answer && record.type == question.type);
    records_.push_back(record);
  }
  if (any) return;
  absent_.push_back(question);
  absent_.push_back({dns::last_alias(answer, question.name), question.type, question.record_class});
}

}  // namespace ringhold::resolver
