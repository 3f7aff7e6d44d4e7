#include "dhcp/inquiry.hpp"

#include <algorithm>
#include <utility>

namespace ringhold::dhcp {

namespace {

/// RFC 2131 §4.1: 4, 8, 16, 32 and from then on 64 s, each a second more or less, so that clients do not march in step.
Duration patience(unsigned asked, Random& random) {
  constexpr unsigned most_doublings = 4;
  return Duration{4s} * (1U << std::min(asked, most_doublings)) + random.between(-1s, 1s);
}

bool same(const std::vector<Error>& a, const std::vector<Error>& b) {
  return std::ranges::equal(a, b, [](const Error& one, const Error& other) { return one.where == other.where && one.what == other.what; });
}

Text listed(const std::vector<Address>& addresses) {
  Text text;
  for (const Address& address : addresses) text.append(text.empty() ? "" : ",").append(AddressText{address});
  return text;
}

Text listed(const std::vector<Text>& names) {
  Text text;
  for (const Text& name : names) text.append(text.empty() ? "" : ",").append(name);
  return text;
}

}  // namespace

void Inquiry::start(Instant now, Outbox& outbox) {
  asked_ = 0;
  ask(now, outbox);
}

void Inquiry::expire(Instant now, Outbox& outbox) {
  if (due_ && *due_ <= now) ask(now, outbox);
}

bool Inquiry::take_changed() { return std::exchange(changed_, false); }

void Inquiry::ask(Instant now, Outbox& outbox) {
  if (asked_ == 0) {
    xid_ = static_cast<std::uint32_t>(random_.next() >> 32U);
    began_ = now;
    malformed_told_ = false;
  }
  const Duration since = std::clamp<Duration>(now - began_, 0s, 65'535s);
  const std::size_t begin = outbox.bytes().size();
  append_inform(outbox.bytes(), {xid_, static_cast<std::uint16_t>(since / 1s), settings_.address, settings_.hardware});
  static const Address everybody = Address::v4({255, 255, 255, 255});
  outbox.sent(begin, {Protocol::dhcp, Transport::udp, {}, {settings_.address, client_port}, {everybody, server_port}});
  due_ = now + patience(asked_, random_);
  ++asked_;
  if (asked_ < silence || std::exchange(silent_, true)) return;
  outbox.note({"dhcp_unanswered",
               {{"address", AddressText{settings_.address}.text()}, {"asked", asked_}, {"answer", configuration_ ? "kept" : "none"}},
               Severity::warning});
}

void Inquiry::receive(const Packet& packet, Instant now, Outbox& outbox) {
  const auto head = read_head(packet.bytes);
  if (asked_ == 0 || !head || head->operation != Operation::reply || head->xid != xid_) return;
  const auto message = Message::parse(packet.bytes);
  if (!message) {
    // Anybody on the network can send more of them.
    if (!std::exchange(malformed_told_, true)) note_refused(message.error(), packet, outbox);
    return;
  }
  if (message->type() == MessageType::ack && message->is_for(settings_.hardware)) take(*message, packet, now, outbox);
}

void Inquiry::take(const Message& ack, const Packet& packet, Instant now, Outbox& outbox) {
  Configuration fresh = configuration_.value_or(Configuration{});
  auto refused = fresh.update(ack);
  if (!fresh.server) fresh.server = packet.remote.address;
  // Of two servers that say the same, now one is the quicker, now the other.
  if (configuration_) configuration_->server = fresh.server;
  const bool differs = configuration_ != fresh;
  const bool was_silent = std::exchange(silent_, false);
  configuration_ = std::move(fresh);
  changed_ = changed_ || differs;
  asked_ = 0;
  due_ = now + settings_.ask_again;
  if (!same(refused, refused_))
    for (const Error& error : refused) note_refused(error, packet, outbox);
  refused_ = std::move(refused);
  if (differs || was_silent) note_answer(outbox);
}

void Inquiry::note_refused(const Error& error, const Packet& packet, Outbox& outbox) const {
  outbox.note({"dhcp_refused",
               {{"source", packet.remote.text()}, {"where", error.where}, {"offset", error.offset}, {"why", error.what}},
               Severity::warning});
}

void Inquiry::note_answer(Outbox& outbox) const {
  const Configuration& answer = *configuration_;
  const Text server = answer.server->text();
  outbox.note({"dhcp_answered",
               {{"server", server},
                {"nameservers", listed(answer.nameservers)},
                {"domain", answer.domain},
                {"sip_domains", listed(answer.sip_domains)}}});
  // Ambiguity of RFC 3361: a phone that is given addresses makes no SRV query, and so never learns the survivable registrar.
  if (!answer.sip_addresses.empty())
    outbox.note({"dhcp_sip_addresses", {{"server", server}, {"addresses", listed(answer.sip_addresses)}}, Severity::warning});
}

}  // namespace ringhold::dhcp
