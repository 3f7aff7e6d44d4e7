#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/flow.hpp"
#include "base/journal.hpp"
#include "base/team.hpp"
#include "base/text.hpp"
#include "base/time.hpp"
#include "delivery/policy.hpp"

namespace ringhold::delivery {

/// Content for a user, from when it is accepted until it is delivered or has failed.
struct Message {
  Text id;      ///< as texts they are in the order in which they were accepted
  Text aor;     ///< whom it is for
  Text sender;  ///< URI
  Method method = Method::message;
  Text event;    ///< of a NOTIFY: its package (RFC 6665)
  Text headers;  ///< whole lines: Content-Type and others that go with the content
  Text body;     ///< as it came
  Strategy strategy = Strategy::one_by_one;
  std::uint64_t seed = 0;  ///< drawn at random: what Call-ID, tag and branches are made of, also after a restart of ours
  Instant accepted_at;
  Instant expires_at;          ///< then nobody wants it any more
  Text key;                    ///< by which the sender names it when he sends it again; empty: he does not
  unsigned rounds = 0;         ///< so many times it was tried
  unsigned max_forwards = 70;  ///< of a MESSAGE of somebody's, one less than it had (RFC 3261 §8.1.1.6)
  friend bool operator==(const Message&, const Message&) = default;

  std::string_view content_type() const;
};

inline constexpr std::size_t longest_key = 128;
inline constexpr std::size_t longest_headers = 8'192;

Change put(const Message& message);
Change erase(const Message& message);
std::optional<Message> message_from_row(const Row& row);

/// Ids of one worker: of the time, in order, also when the clock has been set back.
class MessageNumbers {
 public:
  explicit MessageNumbers(WorkerNumber worker) : worker_{worker} {}
  Text next(Instant now);
  /// One that was given before.
  void note(std::string_view id);

 private:
  WorkerNumber worker_;
  std::uint64_t last_ = 0;
};
/// An AOR as a URI: what may not stand there as it is is escaped (RFC 3261 §19.1.2).
Text uri_of_aor(std::string_view aor);

/// The Call-ID and the From tag of all its requests (RFC 3261 §8.1.3.4: a redirected request keeps them).
Text call_id_of(const Message& message);
Text from_tag_of(const Message& message);
/// Whether a Call-ID is of that form.
bool is_call_id(std::string_view call_id);

/// One request as it leaves. After a restart of ours the same step gives the same bytes, branch and all: a terminal that had it
/// already takes it for a retransmission (RFC 3261 §17.2.3).
struct Addressed {
  Method method = Method::message;  ///< a NOTIFY goes outside of any subscription
  std::string_view request_uri;
  std::string_view route;  ///< values of Route; empty: none
  Destination destination;
  std::size_t place = 0;  ///< which of the addresses of its target that is
  Endpoint sent_by;       ///< our listener
  std::uint32_t cseq = 1;
  std::string_view headers{};  ///< whole lines to add: Authorization
};
/// The branch of that request.
Text branch_of(const Message& message, const Addressed& addressed, WorkerNumber worker);
void append_request(std::string& out, const Message& message, const Addressed& addressed, std::string_view branch);

}  // namespace ringhold::delivery
