#include "dns/builder.hpp"

namespace ringhold::dns {

namespace {
constexpr std::uint16_t our_payload = 1232;
}

void append_word(std::string& out, std::uint16_t value) {
  out.push_back(static_cast<char>(value >> 8U));
  out.push_back(static_cast<char>(value & 0xffU));
}

void write_word(std::string& out, std::size_t at, std::uint16_t value) {
  out[at] = static_cast<char>(value >> 8U);
  out[at + 1] = static_cast<char>(value & 0xffU);
}

Builder::Builder(std::string& out, std::uint16_t id, std::uint16_t flags, const Question& question)
    : out_{out}, begin_{out.size()}, question_name_{question.name} {
  for (const std::uint16_t value : {id, flags, std::uint16_t{1}, std::uint16_t{0}, std::uint16_t{0}, std::uint16_t{0}}) append_word(out_, value);
  out_.append(question.name.wire());
  append_word(out_, question.type);
  append_word(out_, question.record_class);
}

void Builder::count_up(std::size_t at) {
  const auto high = static_cast<unsigned char>(out_[begin_ + at]);
  const auto low = static_cast<unsigned char>(out_[begin_ + at + 1]);
  write_word(out_, begin_ + at, static_cast<std::uint16_t>((high << 8U | low) + 1));
}

void Builder::add(Section section, const Name& name, std::uint16_t record_type, std::uint32_t ttl, std::string_view data) {
  if (name == question_name_) append_word(out_, 0xc00c);
  else out_.append(name.wire());
  append_word(out_, record_type);
  append_word(out_, class_in);
  append_word(out_, static_cast<std::uint16_t>(ttl >> 16U));
  append_word(out_, static_cast<std::uint16_t>(ttl & 0xffffU));
  append_word(out_, static_cast<std::uint16_t>(data.size()));
  out_.append(data);
  count_up(section == Section::answer ? 6 : section == Section::authority ? 8 : 10);
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
  const auto count = static_cast<std::uint16_t>(static_cast<unsigned char>(out[begin + 10]) << 8U | static_cast<unsigned char>(out[begin + 11]));
  write_word(out, begin + 10, static_cast<std::uint16_t>(count + 1));
}

void Builder::add_edns(bool dnssec_ok, std::optional<ExtendedError> error) { append_edns(out_, begin_, dnssec_ok, error); }

void Builder::cut_additional(std::size_t size, std::uint16_t count) {
  out_.resize(begin_ + size);
  const auto high = static_cast<unsigned char>(out_[begin_ + 10]);
  const auto low = static_cast<unsigned char>(out_[begin_ + 11]);
  write_word(out_, begin_ + 10, static_cast<std::uint16_t>((high << 8U | low) - count));
}

std::size_t largest_answer(bool over_tcp, const std::optional<Edns>& edns) {
  if (over_tcp) return 65'535;
  return edns ? std::min<std::size_t>(edns->payload, our_payload) : 512;
}

}  // namespace ringhold::dns
