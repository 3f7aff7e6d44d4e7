#include "nameserver/ready_answers.hpp"

#include "base/text.hpp"
#include "dns/builder.hpp"

namespace ringhold::nameserver {

ReadyAnswers::Key ReadyAnswers::key(const dns::PlainQuery& query, Transport transport) {
  Key key;
  const auto append = [&](unsigned value) { key.bytes[key.size++] = static_cast<char>(value & 0xffU); };
  for (const char c : query.name) append(static_cast<unsigned char>(to_lower(c)));
  append(query.type >> 8U);
  append(query.type);
  append(query.record_class >> 8U);
  append(query.record_class);
  append((query.flags & dns::flag::rd) >> 8U | (query.flags & dns::flag::cd));
  append((query.edns ? 1U : 0U) | (query.edns && query.edns->dnssec_ok ? 2U : 0U));
  const std::size_t size = dns::largest_answer(transport == Transport::tcp, query.edns);
  append(static_cast<unsigned>(size >> 8U));
  append(static_cast<unsigned>(size));
  return key;
}

const ReadyAnswers::Answer* ReadyAnswers::find(const dns::PlainQuery& query, Transport transport, Instant now) const {
  const auto found = answers_.find(key(query, transport).view());
  return found == answers_.end() || found->second.until <= now ? nullptr : &found->second;
}

void ReadyAnswers::put(const dns::PlainQuery& query, Transport transport, std::string_view bytes, AnswerKind kind, Instant until) {
  if (bytes.size() > largest) return;
  if (answers_.size() >= capacity) answers_.clear();
  answers_.insert_or_assign(Text{key(query, transport).view()}, Answer{Text{bytes}, until, kind});
}

void append_ready(std::string& out, const ReadyAnswers::Answer& answer, const dns::PlainQuery& query) {
  const std::size_t begin = out.size();
  out.append(answer.bytes);
  dns::write_word(out, begin, query.id);
  query.name.copy(out.data() + begin + 12, query.name.size());
}

}  // namespace ringhold::nameserver
