// Any bytes as a DNS message: never past the end, never for ever; the quick reader and the whole one agree; what was read
// and written again reads the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.hpp"
#include "dns/builder.hpp"
#include "dns/message.hpp"

namespace {

using namespace ringhold;

void compare_readers(std::string_view bytes, const Result<dns::Message>& message) {
  const auto plain = dns::PlainQuery::parse(bytes);
  if (!plain) return;
  check(message.has_value() && message->questions.size() == 1);
  const dns::Question& question = message->questions.front();
  check(plain->id == message->id && plain->flags == message->flags && plain->name == question.name.wire());
  check(plain->type == question.type && plain->record_class == question.record_class);
  check(plain->edns.has_value() == message->edns.has_value());
  if (plain->edns)
    check(plain->edns->payload == message->edns->payload && plain->edns->version == message->edns->version &&
          plain->edns->dnssec_ok == message->edns->dnssec_ok);
}

void write_and_read(const dns::Message& message) {
  std::string out = "something before";
  const std::size_t begin = out.size();
  dns::Builder builder{out, message.id, message.flags, message.questions.front()};
  for (const auto section : {dns::Section::answer, dns::Section::authority, dns::Section::additional})
    for (const dns::Record& record : message.records)
      if (record.section == section) builder.add(section, record.name, record.type, record.record_class, record.ttl, record.data);
  if (message.edns) builder.add_edns(message.edns->dnssec_ok, std::nullopt);
  check(builder.size() == out.size() - begin);
  const auto again = dns::Message::parse(std::string_view{out}.substr(begin));
  check(again.has_value() && again->records.size() == message.records.size());
  for (std::size_t i = 0; i < message.records.size(); ++i) {
    const dns::Record& a = message.records[i];
    const dns::Record& b = again->records[i];
    check(a.name == b.name && a.type == b.type && a.ttl == b.ttl && a.data == b.data && a.section == b.section);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  dns::parse_head(bytes);
  const auto message = dns::Message::parse(bytes);
  compare_readers(bytes, message);
  if (!message) {
    check(message.error().offset <= size + 65'535 && !message.error().what.empty());
    return 0;
  }
  for (const dns::Record& record : message->records) {
    const std::string text = record.name.text();
    check(!text.empty() && record.name.wire().size() <= 255);
    dns::Srv::parse(record.data);
    dns::parse_address(record.type, record.data);
    dns::last_alias(*message, record.name);
  }
  if (message->questions.size() == 1) write_and_read(*message);
  return 0;
}
