#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/flow.hpp"
#include "base/journal.hpp"
#include "base/team.hpp"
#include "base/text.hpp"

namespace ringhold {

/// One word of a fact: a name and a text or a number.
struct Field {
  std::string_view key;
  std::variant<std::string_view, std::int64_t> value;
  Field(std::string_view k, std::string_view text) : key{k}, value{text} {}
  Field(std::string_view k, const Text& text) : key{k}, value{std::string_view{text}} {}
  Field(std::string_view k, const char* text) : key{k}, value{std::string_view{text}} {}
  template <typename Integer>
    requires std::is_integral_v<Integer>
  Field(std::string_view k, Integer number) : key{k}, value{static_cast<std::int64_t>(number)} {}
};

enum class Severity : std::uint8_t { debug, info, warning, error };

/// What happened, for log, metrics and ladders. The name stands in docs/log-events.md.
struct Fact {
  std::string_view name;  ///< static storage
  std::initializer_list<Field> fields;
  Severity severity = Severity::info;
};

/// Where a mind puts what it decided. The shell empties it after each batch; its memory is used again.
class Outbox {
 public:
  struct Send {
    Destination destination;
    std::uint32_t offset;
    std::uint32_t size;
  };
  /// A packet that another worker serves.
  struct HandOver {
    WorkerNumber to;
    Packet packet;  ///< without its bytes
    std::uint32_t offset;
    std::uint32_t size;
  };
  struct Told {
    WorkerNumber to;
    std::shared_ptr<const Word> word;
  };
  /// Content for whoever takes it outside; what came of it is told to the mind by its id.
  struct HandOut {
    std::uint64_t id = 0;
    std::vector<std::pair<std::string_view, Text>> values;  ///< names of static storage, as in an environment
    Text body;
  };
  struct Note {
    std::string_view name;
    Severity severity;
    std::uint32_t first_field;
    std::uint32_t field_count;
  };
  struct NoteField {
    std::string_view key;
    bool is_number;
    std::int64_t number;
    std::uint32_t offset;
    std::uint32_t size;
  };

  /// The bytes of every message of this batch, one after another. Append a message's bytes here, then call sent().
  std::string& bytes() { return bytes_; }
  /// Everything appended since `begin` (= bytes().size() before) is one message to `destination`.
  void sent(std::size_t begin, const Destination& destination);
  void send(const Destination& destination, std::string_view message);
  /// Closes a connection or frees an upstream slot.
  void close(FlowId flow) { closes_.push_back(flow); }
  /// With several workers: the packet goes, with its bytes, to the mind of another one; so does a word.
  void hand_over(WorkerNumber to, const Packet& packet);
  void tell(WorkerNumber to, std::shared_ptr<const Word> word) { told_.push_back({to, std::move(word)}); }
  void note(const Fact& fact);
  void change(Change change) { changes_.push_back(std::move(change)); }
  /// The mind wants to hear by committed() that all changes up to here are on disk. Only where changes are kept.
  void promise(ChangeId id) { promised_ = id; }
  void hand_out(HandOut content) { hand_outs_.push_back(std::move(content)); }
  /// Who waits for the outcome of the command with that id can ask for it.
  void settled(std::string_view id) { settled_.emplace_back(id); }
  /// Whether anybody keeps changes; where nobody does, rows need not be made.
  bool keeps_changes() const { return keeps_changes_; }
  void keep_no_changes() { keeps_changes_ = false; }

  std::span<const Send> sends() const { return sends_; }
  std::string_view message(const Send& send) const { return std::string_view{bytes_}.substr(send.offset, send.size); }
  std::span<const FlowId> closes() const { return closes_; }
  std::span<const HandOver> hand_overs() const { return hand_overs_; }
  std::string_view bytes_of(const HandOver& one) const { return std::string_view{bytes_}.substr(one.offset, one.size); }
  std::span<const Told> told() const { return told_; }
  std::span<const Note> notes() const { return notes_; }
  std::span<const NoteField> fields(const Note& note) const { return std::span{fields_}.subspan(note.first_field, note.field_count); }
  std::string_view text(const NoteField& field) const { return std::string_view{note_text_}.substr(field.offset, field.size); }
  const std::optional<ChangeId>& promised() const { return promised_; }
  std::span<const Text> settled() const { return settled_; }
  std::vector<HandOut>& hand_outs() { return hand_outs_; }
  std::vector<Change>& changes() { return changes_; }
  const std::vector<Change>& changes() const { return changes_; }
  bool empty() const {
    return sends_.empty() && closes_.empty() && notes_.empty() && changes_.empty() && hand_overs_.empty() && told_.empty() && !promised_ &&
           settled_.empty() && hand_outs_.empty();
  }
  void clear();

 private:
  std::string bytes_;
  std::vector<Send> sends_;
  std::vector<FlowId> closes_;
  std::vector<HandOver> hand_overs_;
  std::vector<Told> told_;
  std::vector<Note> notes_;
  std::vector<NoteField> fields_;
  std::string note_text_;
  std::vector<Change> changes_;
  std::optional<ChangeId> promised_;
  std::vector<Text> settled_;
  std::vector<HandOut> hand_outs_;
  bool keeps_changes_ = true;
};

}  // namespace ringhold
