#include "sim/dns_wire.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

namespace ringhold::sim {

namespace {

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_{bytes} {}
  bool good() const { return good_; }
  std::size_t position() const { return position_; }
  void skip(std::size_t count) { position_ += need(count) ? count : 0; }
  std::uint8_t byte() { return need(1) ? static_cast<std::uint8_t>(bytes_[position_++]) : std::uint8_t{0}; }
  std::uint16_t word() {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8U | byte());
  }
  std::uint32_t long_word() {
    const std::uint32_t high = word();
    return high << 16U | word();
  }

  std::string name() {
    std::string text;
    std::size_t at = position_;
    bool jumped = false;
    for (int labels = 0; labels < 128; ++labels) {
      if (at >= bytes_.size()) return fail();
      const auto length = static_cast<std::uint8_t>(bytes_[at]);
      if (length == 0) {
        if (!jumped) position_ = at + 1;
        return text;
      }
      if (length >= 0xc0) {
        if (at + 1 >= bytes_.size()) return fail();
        if (!jumped) position_ = at + 2;
        jumped = true;
        at = (length & 0x3fU) << 8U | static_cast<std::uint8_t>(bytes_[at + 1]);
        continue;
      }
      if (at + 1 + length > bytes_.size()) return fail();
      if (!text.empty()) text.push_back('.');
      text.append(bytes_.substr(at + 1, length));
      at += 1U + length;
    }
    return fail();
  }

 private:
  bool need(std::size_t count) { return good_ = good_ && position_ + count <= bytes_.size(); }
  std::string fail() {
    good_ = false;
    return {};
  }
  std::string_view bytes_;
  std::size_t position_ = 0;
  bool good_ = true;
};

void put_word(std::string& out, unsigned number) {
  out.push_back(static_cast<char>(number >> 8U & 0xffU));
  out.push_back(static_cast<char>(number & 0xffU));
}

void put_name(std::string& out, std::string_view name) {
  while (!name.empty()) {
    const auto dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    out.push_back(static_cast<char>(label.size()));
    out.append(label);
    name = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
  }
  out.push_back('\0');
}

void put_record(std::string& out, const DnsRecord& record) {
  put_name(out, record.name);
  put_word(out, record.type);
  put_word(out, 1);
  put_word(out, record.ttl >> 16U);
  put_word(out, record.ttl & 0xffffU);
  std::string data;
  if (record.type == dns_a) {
    for (const std::uint8_t byte : record.address.bytes()) data.push_back(static_cast<char>(byte));
  } else if (record.type == dns_srv) {
    put_word(data, record.priority);
    put_word(data, record.weight);
    put_word(data, record.port);
    put_name(data, record.target);
  } else {
    put_name(data, "ns.example.test");
    put_name(data, "admin.example.test");
    for (const unsigned number : {1U, 3600U, 600U, 86400U, 60U}) {
      put_word(data, number >> 16U);
      put_word(data, number & 0xffffU);
    }
  }
  put_word(out, static_cast<unsigned>(data.size()));
  out.append(data);
}

void read_section(Reader& reader, unsigned count, std::vector<DnsRecord>& records) {
  for (unsigned i = 0; i < count && reader.good(); ++i) {
    DnsRecord record;
    record.name = lower_case(reader.name());
    record.type = reader.word();
    reader.word();
    record.ttl = reader.long_word();
    const std::size_t length = reader.word();
    const std::size_t end = reader.position() + length;
    if (record.type == dns_a && length == 4) {
      std::array<std::uint8_t, 4> bytes{};
      for (auto& byte : bytes) byte = reader.byte();
      record.address = Address::v4(bytes);
      records.push_back(record);
    } else if (record.type == dns_srv) {
      record.priority = reader.word();
      record.weight = reader.word();
      record.port = reader.word();
      record.target = lower_case(reader.name());
      records.push_back(record);
    }
    if (reader.good() && reader.position() < end) reader.skip(end - reader.position());
  }
}

}  // namespace

std::optional<DnsMessage> parse_dns(std::string_view bytes) {
  Reader reader{bytes};
  DnsMessage message;
  message.id = reader.word();
  const unsigned flags = reader.word();
  message.response = (flags & 0x8000U) != 0;
  message.rcode = flags & 0xfU;
  const unsigned questions = reader.word();
  const unsigned answers = reader.word();
  const unsigned authority = reader.word();
  const unsigned additional = reader.word();
  if (questions == 1) {
    message.question = reader.name();
    message.type = reader.word();
    reader.word();
  }
  std::vector<DnsRecord> ignored;
  read_section(reader, answers, message.answers);
  read_section(reader, authority, ignored);
  read_section(reader, additional, message.additional);
  if (!reader.good()) return std::nullopt;
  return message;
}

std::string dns_query(std::uint16_t id, std::string_view name, std::uint16_t type) {
  std::string out;
  for (const unsigned word : {unsigned{id}, 0x0100U, 1U, 0U, 0U, 0U}) put_word(out, word);
  put_name(out, name);
  put_word(out, type);
  put_word(out, 1);
  return out;
}

std::string dns_answer(const DnsMessage& query, unsigned rcode, const std::vector<DnsRecord>& answers,
                       const std::vector<DnsRecord>& additional) {
  const bool empty = answers.empty();
  std::string out;
  for (const unsigned word : {unsigned{query.id}, 0x8580U | rcode, 1U, static_cast<unsigned>(answers.size()), empty ? 1U : 0U,
                              static_cast<unsigned>(additional.size())})
    put_word(out, word);
  put_name(out, query.question);
  put_word(out, query.type);
  put_word(out, 1);
  for (const DnsRecord& record : answers) put_record(out, record);
  if (empty) put_record(out, DnsRecord{.name = "example.test", .type = dns_soa, .ttl = 60, .address = {}, .target = {}});
  for (const DnsRecord& record : additional) put_record(out, record);
  return out;
}

std::string describe_dns(std::string_view bytes) {
  const auto message = parse_dns(bytes);
  if (!message) return fmt::format("(not DNS: {} bytes)", bytes.size());
  std::string line = fmt::format("DNS {} {} type {}", message->response ? "answer" : "query", message->question, message->type);
  if (!message->response) return line;
  line += fmt::format(" rcode {}", message->rcode);
  for (const DnsRecord& record : message->answers) {
    if (record.type == dns_srv)
      line += fmt::format(" | {} {} {} {} ttl {}", record.priority, record.weight, record.port, record.target, record.ttl);
    else
      line += fmt::format(" | {} ttl {}", record.address.text(), record.ttl);
  }
  return line;
}

}  // namespace ringhold::sim
