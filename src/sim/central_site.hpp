#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/dns_wire.hpp"
#include "sim/sip_wire.hpp"
#include "sim/stream_pool.hpp"
#include "sim/world.hpp"

namespace ringhold::sim {

/// The central DNS server: authoritative for the bench's zone.
class CentralDns final : public Host {
 public:
  CentralDns(World& world, unsigned sip_servers, std::uint32_t ttl);
  void receive(const Datagram& datagram) override;
  void unreachable(const Endpoint&, const Endpoint&) override {}
  void connection_changed(Streams::Id, const Endpoint&, const Endpoint&, ConnectionState) override {}

 private:
  World& world_;
  std::vector<DnsRecord> srv_;
  std::vector<DnsRecord> addresses_;
};

/// Where the central site's users are; all its servers share it.
class CentralLocation {
 public:
  struct Binding {
    std::string contact;
    Target source;
    Instant expires_at;
    Endpoint server;  ///< has the connection of a phone that came over TCP
  };
  void put(const std::string& user, Binding binding) { bindings_[user] = std::move(binding); }
  void remove(const std::string& user) { bindings_.erase(user); }
  const Binding* find(const std::string& user, Instant now) const;

 private:
  std::map<std::string, Binding> bindings_;
};

/// One central server: a registrar and a stateless record-routing proxy (RFC 3261 §16.11), so that every transaction runs
/// from phone to phone.
class CentralServer final : public Host {
 public:
  CentralServer(World& world, CentralLocation& location, unsigned number, std::uint32_t longest_expiry);
  void receive(const Datagram& datagram) override;
  void unreachable(const Endpoint&, const Endpoint&) override {}
  void connection_changed(Streams::Id id, const Endpoint& local, const Endpoint& remote, ConnectionState state) override {
    pool_.changed(id, local, remote, state);
  }
  Endpoint endpoint() const { return own_; }

 private:
  void request(SipMessage message, const Target& source);
  void response(SipMessage message);
  void register_user(const SipMessage& message, const Target& source);
  void reply(const SipMessage& request, int status, std::string_view reason);
  std::optional<Target> next_hop(SipMessage& message);
  void send(const Target& to, std::string bytes);
  void send_response(const SipMessage& response);

  World& world_;
  CentralLocation& location_;
  StreamPool pool_;
  Endpoint own_;
  std::uint32_t longest_expiry_;
};

}  // namespace ringhold::sim
