#include "dns/builder.hpp"

namespace ringhold::dns {

namespace {
constexpr std::uint16_t our_payload = 1232;
constexpr std::size_t header_bytes = 12;
}  // namespace

void append_word(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8U));
  out.push_back(static_cast<char>(value & 0xffU));
}

void write_word(std::string& out, std::size_t at, std::uint16_t value) {
  out[at] = static_cast<char>(value >> 8U);
  out[at + 1] = static_cast<char>(value & 0xffU);
}

std::uint16_t read_word(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8U | static_cast<unsigned char>(bytes[at + 1]));
}

Builder::Builder(std::string& out, std::uint16_t id, std::uint16_t flags, const Question& question)
    : out_{out}, begin_{out.size()}, question_bytes_{question.name.wire().size()} {
  for (const std::uint16_t value : {id, flags, std::uint16_t{1}, std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0}})
    append_word(out_, value);
  out_.append(question.name.wire());
  append_word(out_, question.type);
  append_word(out_, question.record_class);
}

void Builder::append_owner(std::string_view wire) {
  // Label by label: does the rest of the owner end the question too? Then a pointer there stands for it.
  const std::size_t question_begin = begin_ + header_bytes;
  for (std::size_t at = 0; at + 1 < wire.size(); at += 1U + static_cast<unsigned char>(wire[at])) {
    const auto rest = wire.substr(at);
    if (rest.size() <= question_bytes_ && begins_a_label(question_bytes_ - rest.size())) {
      const std::size_t from = question_bytes_ - rest.size();
      if (equal_ignoring_case(std::string_view{out_}.substr(question_begin + from, rest.size()), rest))
        return append_word(out_, static_cast<std::uint16_t>(0xc000U | (header_bytes + from)));
    }
    out_.append(wire.substr(at, 1U + static_cast<unsigned char>(wire[at])));
  }
  out_.push_back('\0');
}

bool Builder::begins_a_label(std::size_t offset) const {
  std::size_t at = 0;
  while (at < offset) at += 1U + static_cast<unsigned char>(out_[begin_ + header_bytes + at]);
  return at == offset;
}

void Builder::add(Section section, const Name& name, std::uint16_t record_type, std::uint16_t record_class, std::uint32_t ttl,
                  std::string_view data) {
  append_owner(name.wire());
  append_word(out_, record_type);
  append_word(out_, record_class);
  append_word(out_, static_cast<std::uint16_t>(ttl >> 16U));
  append_word(out_, static_cast<std::uint16_t>(ttl & 0xffffU));
  append_word(out_, static_cast<std::uint16_t>(data.size()));
  out_.append(data);
  const std::size_t count_at = begin_ + (section == Section::answer ? 6U : section == Section::authority ? 8U : 10U);
  write_word(out_, count_at, static_cast<std::uint16_t>(read_word(out_, count_at) + 1));
}

void append_edns(std::string& out, std::size_t begin, bool dnssec_ok, std::optional<ExtendedError> error) {
  out.push_back('\0');
  append_word(out, type::opt);
  append_word(out, our_payload);
  append_word(out, 0);
  append_word(out, dnssec_ok ? 0x8000 : 0);
  append_word(out, error ? 6 : 0);
  if (error) {
    append_word(out, 15);
    append_word(out, 2);
    append_word(out, static_cast<std::uint16_t>(*error));
  }
  write_word(out, begin + 10, static_cast<std::uint16_t>(read_word(out, begin + 10) + 1));
}

void Builder::add_edns(bool dnssec_ok, std::optional<ExtendedError> error) { append_edns(out_, begin_, dnssec_ok, error); }

std::size_t largest_answer(bool over_tcp, const std::optional<Edns>& edns) {
  if (over_tcp) return 65'535;
  return edns ? std::min<std::size_t>(edns->payload, our_payload) : 512;
}

}  // namespace ringhold::dns
