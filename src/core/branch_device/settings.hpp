#pragma once

#include <string>
#include <vector>

#include "auth/algorithm.hpp"
#include "base/address.hpp"
#include "base/time.hpp"
#include "branch_device/admission.hpp"
#include "calls/policy.hpp"
#include "delivery/policy.hpp"
#include "ringing/local_time.hpp"
#include "ringing/terminal_type.hpp"

namespace ringhold::branch_device {

/// What `[dns] when_down` says: where our SRV record stands while the loss is confirmed (D7).
enum class WhenDown : std::uint8_t { first, last, only };

/// What `[sip] outside` says: what a request from outside of branch.networks gets.
enum class Outside : std::uint8_t { drop, refuse };
/// What `[registrar] auth` says: who may register and call (R3).
enum class Auth : std::uint8_t {
  network,  ///< everybody in branch.networks
  digest,   ///< who knows a user's password (RFC 7616)
};

/// What a 3xx to a MESSAGE that is relayed does (`[push] recurse`).
enum class Recursion : std::uint8_t {
  pass_up,  ///< it goes to the sender (RFC 3261 §16.7)
  follow,   ///< its Contacts are tried here
};

/// The configuration as the mind knows it; read once from TOML by the application. Names as in docs/configuration.md.
struct Settings {
  struct Branch {
    std::string domain;              ///< the SIP domain of the central site, lower case, without final dot
    std::string name;                ///< the survivable registrar's own name
    std::vector<Address> addresses;  ///< what A and AAAA for `name` answer
    std::vector<Network> networks;   ///< who is served
  } branch;
  struct Sip {
    std::vector<Target> listen;
    Outside outside = Outside::drop;
    Admission::Settings admission;
    bool certificate_serves_domain = false;  ///< phones would accept it for `branch.domain` (RFC 5922)
  } sip;
  struct Dns {
    std::vector<Endpoint> listen;
    std::vector<Endpoint> upstream;
    Duration timeout = 800ms;
    Duration ttl_max = 60s;
    WhenDown when_down = WhenDown::first;
    bool inject_when_empty = false;
  } dns;
  struct Central {
    std::vector<Target> servers;  ///< empty: found by SRV
    Duration probe_interval = 5s;
    Duration probe_timeout = 2s;
    unsigned down_after = 3;
    unsigned up_after = 3;
    Duration return_dwell = 30s;
    unsigned return_rate = 20;  ///< phones per second
  } central;
  struct Registrar {
    Auth auth = Auth::network;
    std::vector<auth::Algorithm> algorithms{auth::Algorithm::sha_512_256, auth::Algorithm::sha_256,
                                            auth::Algorithm::md5};  ///< offered, the preferred first
    Duration nonce_age = 5min;
    std::vector<std::string> emergency{"112", "911"};  ///< numbers that need no password (C4)
    Duration min_expires = 30s;
    Duration normal_expires = 60s;
    Duration survivable_expires = 120s;
    unsigned contacts_per_aor = 10;
    std::vector<Text> service_route;  ///< RFC 3608: URIs that phones put into the Route of their requests; empty: none
  } registrar;
  calls::ReleaseSettings restart;
  struct Ringing {
    std::vector<ringing::TerminalType> types = ringing::usual_types();
    Duration step = 15s;           ///< of a step that names no time
    Duration total = 60s;          ///< of all steps of a call together
    std::vector<Network> trusted;  ///< application servers that may send Tt
    ringing::Calendar calendar;    ///< what clocks show, for schedules
  } ringing;
  struct Push {
    delivery::Settings delivery;
    Text from;                        ///< URI of who sends what names no sender; empty: sip:push@ the domain
    std::vector<Text> senders;        ///< users ("alice") whose MESSAGEs are delivered as pushed content; "*": all
    std::vector<Network> trusted;     ///< hosts, likewise: application servers
    std::vector<Network> allowed;     ///< hosts outside of the branch that a terminal may redirect to
    std::vector<Text> allowed_hosts;  ///< the same by name, lower case
    std::vector<Text> events;         ///< event packages that terminals may subscribe to, for NOTIFYs (PSH-15)
    std::vector<Text> unsolicited;    ///< User-Agents (patterns) that take a NOTIFY without subscription
    Recursion recursion = Recursion::pass_up;
    struct User {
      Text name;
      std::vector<Text> order;      ///< names of terminal types: the first one is served first (5-h)
      std::vector<Text> addresses;  ///< URIs for a redirect that names none (PSH-05)
    };
    std::vector<User> users;
    Text username;  ///< for terminals that challenge a push; empty: a challenge is a failure
    Text password;
  } push;
};

/// The AOR that a user's name ("8002"), or a URI of his, means; empty: nobody's of ours.
Text aor_named(std::string_view user, const Settings& settings);

}  // namespace ringhold::branch_device
