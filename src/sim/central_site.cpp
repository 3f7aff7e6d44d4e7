#include "sim/central_site.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.hpp"

namespace ringhold::sim {

CentralDns::CentralDns(World& world, unsigned sip_servers, std::uint32_t ttl) : world_{world} {
  for (unsigned number = 1; number <= sip_servers; ++number) {
    const std::string target = fmt::format("sip{}.{}", number, bench::domain);
    for (const std::string_view transport : {"udp", "tcp"})
      srv_.push_back({.name = fmt::format("_sip._{}.{}", transport, bench::domain),
                      .type = dns_srv,
                      .ttl = ttl,
                      .address = {},
                      .priority = static_cast<std::uint16_t>(10 * number),
                      .weight = 60,
                      .port = 5060,
                      .target = target});
    addresses_.push_back({.name = target, .type = dns_a, .ttl = ttl, .address = bench::central_sip(number), .target = {}});
  }
  world_.attach(bench::central_dns(), *this);
}

void CentralDns::receive(const Datagram& datagram) {
  const auto query = parse_dns(datagram.bytes);
  if (!query || query->response) return;
  const std::string name = lower_case(query->question);
  std::vector<DnsRecord> answers;
  std::vector<DnsRecord> additional;
  bool exists = name == bench::domain;
  for (const DnsRecord& record : srv_) {
    if (record.name != name) continue;
    exists = true;
    if (query->type != dns_srv) continue;
    answers.push_back(record);
    additional = addresses_;
  }
  for (const DnsRecord& record : addresses_) {
    if (record.name != name) continue;
    exists = true;
    if (query->type == dns_a) answers.push_back(record);
  }
  world_.send({datagram.to, datagram.from, dns_answer(*query, exists ? 0 : 3, answers, additional)});
}

const CentralLocation::Binding* CentralLocation::find(const std::string& user, Instant now) const {
  const auto found = bindings_.find(user);
  return found != bindings_.end() && now < found->second.expires_at ? &found->second : nullptr;
}

CentralServer::CentralServer(World& world, CentralLocation& location, unsigned number, std::uint32_t longest_expiry)
    : world_{world},
      location_{location},
      pool_{world, bench::central_sip(number)},
      own_{bench::central_sip(number), bench::sip_port},
      longest_expiry_{longest_expiry} {
  world_.attach(own_.address, *this);
}

void CentralServer::receive(const Datagram& datagram) {
  auto message = parse_sip(datagram.bytes);
  if (!message) return;
  if (message->is_request())
    request(std::move(*message), {datagram.connection == 0 ? Transport::udp : Transport::tcp, datagram.from});
  else
    response(std::move(*message));
}

void CentralServer::send(const Target& to, std::string bytes) {
  if (to.transport == Transport::udp)
    world_.send({own_, to.endpoint, std::move(bytes)});
  else
    pool_.send(to.endpoint, std::move(bytes));
}

void CentralServer::send_response(const SipMessage& response) {
  const auto to = response_target(response);
  const bool is_tcp = response.get("Via").starts_with("SIP/2.0/TCP");
  if (to) send({is_tcp ? Transport::tcp : Transport::udp, *to}, response.text());
}

void CentralServer::request(SipMessage message, const Target& source) {
  std::string via{message.get("Via")};
  const std::string branch = parameter(via, "branch").value_or("");
  // RFC 3581 §4: always, for the phones all ask for it.
  if (const auto bare = via.find(";rport"); bare != std::string::npos && parameter(via, "rport") == "") via.erase(bare, 6);
  via += fmt::format(";received={};rport={}", source.endpoint.address.text(), to_number(source.endpoint.port));
  message.set("Via", via);

  if (message.method == "REGISTER") return register_user(message, source);
  if (message.method == "OPTIONS" && user_of(message.uri).empty()) return reply(message, 200, "OK");
  const auto next = next_hop(message);
  if (!next) {
    if (message.method != "ACK") reply(message, 404, "Not Found");
    return;
  }
  const auto hops = parse_number(message.get("Max-Forwards")).value_or(70);
  if (hops == 0) return reply(message, 483, "Too Many Hops");
  message.set("Max-Forwards", std::to_string(hops - 1));
  if (message.method == "INVITE") message.prepend("Record-Route", fmt::format("<sip:{}:5060;lr>", own_.address.text()));
  message.prepend("Via", fmt::format("SIP/2.0/{} {}:5060;branch={}.{}", via_name(next->transport), own_.address.text(), branch,
                                     own_.address.bytes()[3]));
  send(*next, message.text());
}

/// The next Route, the binding of a user of the domain, or the host that the Request-URI names.
std::optional<Target> CentralServer::next_hop(SipMessage& message) {
  if (const auto routes = message.all("Route"); !routes.empty() && endpoint_of(uri_of(routes.front())) == own_)
    message.remove_first("Route");
  const auto routes = message.all("Route");
  const std::string uri = routes.empty() ? message.uri : uri_of(routes.front());
  const auto* binding = location_.find(user_of(message.uri), world_.clock.now());
  if (routes.empty() && host_of(uri) == bench::domain) {
    if (binding == nullptr) return std::nullopt;
    message.uri = binding->contact;
    if (binding->source.transport == Transport::tcp && binding->server != own_) return Target{Transport::udp, binding->server};
    return binding->source;
  }
  // A phone that came over TCP is reached by its connection only.
  if (routes.empty() && binding != nullptr && binding->contact == uri) return binding->source;
  const auto endpoint = endpoint_of(uri);
  if (!endpoint) return std::nullopt;
  return Target{parse_transport(parameter(uri, "transport").value_or("udp")).value_or(Transport::udp), *endpoint};
}

void CentralServer::response(SipMessage message) {
  const auto sent_by = response_target(message);
  if (!sent_by || *sent_by != own_) return;
  message.remove_first("Via");
  send_response(message);
}

void CentralServer::register_user(const SipMessage& message, const Target& source) {
  const std::string user = user_of(uri_of(message.get("To")));
  const std::string contact{message.get("Contact")};
  const std::string expires = parameter(contact, "expires").value_or(std::string{message.get("Expires")});
  const std::uint32_t seconds = std::min(parse_number(expires).value_or(3600), longest_expiry_);
  const std::string uri = uri_of(contact);
  if (seconds == 0)
    location_.remove(user);
  else
    location_.put(user, {uri, source, world_.clock.now() + std::chrono::seconds{seconds}, own_});
  SipMessage ok = make_response(message, 200, "OK", "central");
  if (seconds != 0) ok.add("Contact", fmt::format("<{}>;expires={}", uri, seconds));
  send_response(ok);
}

void CentralServer::reply(const SipMessage& request, int status, std::string_view reason) {
  send_response(make_response(request, status, reason, "central"));
}

}  // namespace ringhold::sim
