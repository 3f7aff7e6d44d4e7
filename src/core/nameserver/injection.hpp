#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "dns/message.hpp"
#include "nameserver/settings.hpp"

namespace ringhold::nameserver {

/// Whose SRV records a name asks for, when it is one of ours to add to (D2, DIS-06): service `_sip` or `_sips`, a protocol that
/// one of our listeners speaks, and our domain. `_sip._tcp` wants a TCP listener, `_sips._tcp` a TLS listener.
std::optional<Target> injectable(const dns::Name& name, const dns::Name& domain, const std::vector<Target>& listeners);

/// Whether a name is `_sip._proto` or `_sips._proto` of the domain, with any protocol.
bool is_service_of(const dns::Name& name, const dns::Name& domain);

/// `_sip._udp`, `_sip._tcp` or `_sips._tcp` of the domain; nothing for WebSocket, and when that is too long for a name.
std::optional<dns::Name> service_name(Transport transport, std::string_view domain);

/// The records in the order in which they are sent, ours among them (DIS-08, X-22, D7): last with a priority above all, first
/// with one below all (the others move up when the least is 0), or alone. Sorted by priority, for clients that take
/// the first as it comes. Unchanged when `.` says that the service is not there, or when our name stands there already.
struct Injected {
  std::vector<dns::Srv> records;
  bool added = false;
  bool priority_exhausted = false;  ///< a central server has 65535: ours had to share it
};
Injected inject(std::vector<dns::Srv> central, const dns::Name& own_name, Port own_port, Order order);

}  // namespace ringhold::nameserver
