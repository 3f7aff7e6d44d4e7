#pragma once

#include <boost/container/small_vector.hpp>
#include <initializer_list>
#include <string>
#include <string_view>

#include "sip/message.hpp"

namespace ringhold::sip {

/// Edits of a message that are written in one pass (architecture: "splice, do not rebuild"). Texts are views and must live
/// until write(). Edits may come in any order; at one place they keep the order in which they were made. Replaced parts
/// must not overlap.
class Splice {
 public:
  explicit Splice(const Message& message) : message_{message} {}

  /// Text before `place`, which points into the message.
  void insert(std::string_view place, std::initializer_list<std::string_view> pieces);
  /// Text after `place`.
  void insert_after(std::string_view place, std::initializer_list<std::string_view> pieces);
  void replace(std::string_view part, std::initializer_list<std::string_view> pieces);
  void remove(std::string_view part) { replace(part, {}); }
  /// Whole lines before the first line of that header; without one, before the first header line.
  void insert_before(Header header, std::initializer_list<std::string_view> pieces);
  /// Whole lines after all headers.
  void append_header(std::initializer_list<std::string_view> pieces) { insert(message_.empty_line(), pieces); }
  /// Takes away the first `count` elements of a comma-separated header, whole lines where nothing remains.
  void remove_first_values(Header header, std::size_t count);
  /// Takes away the last element.
  void remove_last_value(Header header);

  void write(std::string& out) const;

 private:
  struct Edit {
    const char* at;
    std::size_t removed;
    std::string_view text;
  };
  void add(const char* at, std::size_t removed, std::string_view text);
  const Message& message_;
  boost::container::small_vector<Edit, 24> edits_;
};

}  // namespace ringhold::sip
