#include "sim/phone_transactions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace ringhold::sim {

namespace {
constexpr Duration t2 = 4s;
constexpr Duration transaction_timeout = 32s;  // 64 * T1
}  // namespace

std::string PhoneTransactions::new_branch() { return fmt::format("z9hG4bK{:x}", random_.next()); }

std::string PhoneTransactions::via(const Target& to, std::string_view branch) const {
  return fmt::format("SIP/2.0/{} {};branch={};rport", via_name(to.transport), own_.text(), branch);
}

void PhoneTransactions::transmit(const Target& to, const std::string& bytes) {
  if (to.transport == Transport::udp)
    world_.send({own_, to.endpoint, bytes});
  else
    pool_.send(to.endpoint, bytes);
}

void PhoneTransactions::transmit(const Origin& to, const std::string& bytes) {
  if (to.connection == 0)
    world_.send({own_, to.endpoint, bytes});
  else
    pool_.send_on(to.connection, bytes);
}

std::string PhoneTransactions::start(SipMessage request, const Target& to, Handlers handlers) {
  const std::string branch = new_branch();
  request.prepend("Via", via(to, branch));
  const std::string key = branch + " " + request.method;
  Client client;
  client.bytes = request.text();
  client.to = to;
  client.handlers = std::move(handlers);
  client.deadline = world_.clock.now() + transaction_timeout;
  client.request = std::move(request);
  transmit(to, client.bytes);
  clients_.emplace(key, std::move(client));
  world_.clock.after(500ms, [this, key, epoch = epoch_] {
    if (epoch == epoch_) tick(key);
  });
  return branch;
}

void PhoneTransactions::tick(const std::string& key) {
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  Client& client = found->second;
  const bool is_invite = client.request.method == "INVITE";
  const Instant now = world_.clock.now();
  if (client.state == State::completed) {
    if (now >= client.deadline)
      clients_.erase(found);
    else
      world_.clock.at(client.deadline, [this, key, epoch = epoch_] {
        if (epoch == epoch_) tick(key);
      });
    return;
  }
  // An INVITE that has had a provisional response waits for as long as its user does.
  if (is_invite && client.state == State::proceeding) {
    world_.clock.after(10s, [this, key, epoch = epoch_] {
      if (epoch == epoch_) tick(key);
    });
    return;
  }
  if (now >= client.deadline) return fail(key, Failure::timeout);
  if (client.to.transport == Transport::udp) transmit(client.to, client.bytes);
  client.interval = is_invite ? client.interval * 2 : std::min(client.interval * 2, t2);
  if (client.state == State::proceeding) client.interval = t2;
  world_.clock.at(std::min(now + client.interval, client.deadline), [this, key, epoch = epoch_] {
    if (epoch == epoch_) tick(key);
  });
}

void PhoneTransactions::fail(const std::string& key, Failure failure) {
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  const auto handler = std::move(found->second.handlers.failure);
  clients_.erase(found);
  if (handler) handler(failure);
}

void PhoneTransactions::cancel(const std::string& branch) {
  const auto found = clients_.find(branch + " INVITE");
  // One CANCEL for an INVITE, however many provisional responses come (§9.1).
  if (found == clients_.end() || found->second.state != State::proceeding || found->second.cancelled) return;
  found->second.cancelled = true;
  const Client& invite = found->second;
  SipMessage request;
  request.method = "CANCEL";
  request.uri = invite.request.uri;
  request.add("Via", std::string{invite.request.get("Via")});
  for (const auto& route : invite.request.all("Route")) request.add("Route", route);
  request.add("Max-Forwards", "70");
  for (const std::string_view name : {"From", "To", "Call-ID"}) request.add(name, std::string{invite.request.get(name)});
  request.add("CSeq", fmt::format("{} CANCEL", invite.request.cseq_number()));
  const std::string key = branch + " CANCEL";
  Client client;
  client.bytes = request.text();
  client.to = invite.to;
  client.deadline = world_.clock.now() + transaction_timeout;
  client.request = std::move(request);
  transmit(client.to, client.bytes);
  clients_.emplace(key, std::move(client));
  world_.clock.after(500ms, [this, key, epoch = epoch_] {
    if (epoch == epoch_) tick(key);
  });
}

void PhoneTransactions::receive_response(const SipMessage& response) {
  const std::string method = response.cseq_method();
  const std::string key = parameter(response.get("Via"), "branch").value_or("") + " " + method;
  const auto found = clients_.find(key);
  if (found == clients_.end()) return;
  Client& client = found->second;
  const bool is_invite = method == "INVITE";
  if (response.status < 200) {
    if (client.state == State::completed) return;
    client.state = State::proceeding;
  } else if (!is_invite) {
    const auto handler = std::move(client.handlers.response);
    clients_.erase(found);
    if (handler) handler(response);
    return;
  } else {
    const bool first = client.state != State::completed;
    client.state = State::completed;
    if (first) client.deadline = world_.clock.now() + transaction_timeout;
    if (response.status >= 300) {
      if (first) {
        SipMessage ack;
        ack.method = "ACK";
        ack.uri = client.request.uri;
        ack.add("Via", std::string{client.request.get("Via")});
        for (const auto& route : client.request.all("Route")) ack.add("Route", route);
        ack.add("Max-Forwards", "70");
        ack.add("From", std::string{client.request.get("From")});
        ack.add("To", std::string{response.get("To")});
        ack.add("Call-ID", std::string{client.request.get("Call-ID")});
        ack.add("CSeq", fmt::format("{} ACK", client.request.cseq_number()));
        client.ack = ack.text();
      }
      transmit(client.to, client.ack);
      if (!first) return;
    }
  }
  const auto handler = client.handlers.response;
  if (handler) handler(response);
}

void PhoneTransactions::unreachable(const Endpoint& remote) { fail_all({Transport::udp, remote}); }

void PhoneTransactions::connection_changed(Streams::Id id, const Endpoint& local, const Endpoint& remote, ConnectionState state) {
  pool_.changed(id, local, remote, state);
  if (state != ConnectionState::opened) fail_all({Transport::tcp, remote});
}

void PhoneTransactions::fail_all(const Target& to) {
  std::vector<std::string> failed;
  for (const auto& [key, client] : clients_)
    if (client.to == to && client.state == State::calling) failed.push_back(key);
  for (const auto& key : failed) fail(key, Failure::unreachable);
}

std::string PhoneTransactions::server_key(const SipMessage& request) {
  const std::string_view via = request.get("Via");
  const std::string_view method = request.method == "ACK" ? "INVITE" : std::string_view{request.method};
  return fmt::format("{} {} {}", via.substr(0, via.find(';')), parameter(via, "branch").value_or(""), method);
}

std::string PhoneTransactions::dialog_key(const SipMessage& message) {
  return fmt::format("{} {}", message.get("Call-ID"), message.cseq_number());
}

bool PhoneTransactions::absorb(const SipMessage& request) {
  const std::string key = server_key(request);
  const auto found = servers_.find(key);
  if (request.method == "ACK") {
    const std::string dialog = dialog_key(request);
    for (auto& [other, server] : servers_)
      if (other == key || server.dialog == dialog) server.repeating = false;
    return found != servers_.end();
  }
  if (found == servers_.end()) return false;
  if (!found->second.bytes.empty()) transmit(found->second.to, found->second.bytes);
  return true;
}

void PhoneTransactions::hold(const SipMessage& request, Duration duration) {
  const std::string key = server_key(request);
  servers_[key].deadline = world_.clock.now() + duration;
  world_.clock.after(duration, [this, key, epoch = epoch_] {
    if (epoch == epoch_) servers_.erase(key);
  });
}

void PhoneTransactions::respond(const SipMessage& request, const Origin& origin, const SipMessage& response) {
  const std::string key = server_key(request);
  const bool known = servers_.contains(key);
  Server& server = servers_[key];
  server.bytes = response.text();
  server.to = origin;
  server.deadline = world_.clock.now() + transaction_timeout;
  transmit(origin, server.bytes);
  if (request.method == "INVITE" && response.status >= 200) {
    server.dialog = dialog_key(request);
    server.repeating = origin.connection == 0 || response.status < 300;
    server.interval = 500ms;
    world_.clock.after(500ms, [this, key, epoch = epoch_] {
      if (epoch == epoch_) repeat(key);
    });
  } else if (!known && response.status >= 200) {
    world_.clock.after(transaction_timeout, [this, key, epoch = epoch_] {
      if (epoch == epoch_) servers_.erase(key);
    });
  }
}

void PhoneTransactions::repeat(const std::string& key) {
  const auto found = servers_.find(key);
  if (found == servers_.end()) return;
  Server& server = found->second;
  const Instant now = world_.clock.now();
  if (now >= server.deadline) {
    servers_.erase(found);
    return;
  }
  if (server.repeating) {
    transmit(server.to, server.bytes);
    server.interval = std::min(server.interval * 2, t2);
  } else {
    server.interval = transaction_timeout;
  }
  world_.clock.at(std::min(now + server.interval, server.deadline), [this, key, epoch = epoch_] {
    if (epoch == epoch_) repeat(key);
  });
}

void PhoneTransactions::send_ack(SipMessage ack, const Target& to) {
  ack.prepend("Via", via(to, new_branch()));
  transmit(to, ack.text());
}

void PhoneTransactions::clear() {
  ++epoch_;
  pool_.clear(Streams::End::silent);
  clients_.clear();
  servers_.clear();
}

}  // namespace ringhold::sim
