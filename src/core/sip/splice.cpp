#include "sip/splice.hpp"

namespace ringhold::sip {

void Splice::add(const char* at, std::size_t removed, std::string_view text) {
  // Kept sorted; edits mostly come in order, so this seldom moves anything.
  auto place = edits_.end();
  while (place != edits_.begin() && (place - 1)->at > at) --place;
  edits_.insert(place, Edit{at, removed, text});
}

void Splice::insert(std::string_view place, std::initializer_list<std::string_view> pieces) {
  for (const std::string_view piece : pieces) add(place.data(), 0, piece);
}

void Splice::insert_after(std::string_view place, std::initializer_list<std::string_view> pieces) {
  for (const std::string_view piece : pieces) add(place.data() + place.size(), 0, piece);
}

void Splice::replace(std::string_view part, std::initializer_list<std::string_view> pieces) {
  add(part.data(), part.size(), {});
  for (const std::string_view piece : pieces) add(part.data(), 0, piece);
}

void Splice::insert_before(Header header, std::initializer_list<std::string_view> pieces) {
  const HeaderLine* line = message_.line(header);
  if (line != nullptr) return insert(line->line, pieces);
  const auto start = message_.start_line();
  insert_after(start, pieces);
}

void Splice::remove_first_values(Header header, std::size_t count) {
  for (const HeaderLine& line : message_.lines()) {
    if (count == 0) return;
    if (line.header != header) continue;
    Element element = split_element(line.value);
    --count;
    while (count > 0 && element.more) {
      element = split_element(element.rest);
      --count;
    }
    if (!element.more)
      remove(line.line);
    else
      remove(std::string_view{line.value.data(), static_cast<std::size_t>(element.rest.data() - line.value.data())});
  }
}

void Splice::remove_last_value(Header header) {
  const HeaderLine* last = nullptr;
  for (const HeaderLine& line : message_.lines())
    if (line.header == header) last = &line;
  if (last == nullptr) return;
  Element element = split_element(last->value);
  if (!element.more) return remove(last->line);
  std::string_view kept = element.first;
  while (element.more) {
    kept = element.first;
    element = split_element(element.rest);
  }
  const char* end = kept.data() + kept.size();
  remove(std::string_view{end, static_cast<std::size_t>(last->value.data() + last->value.size() - end)});
}

void Splice::write(std::string& out) const {
  const char* at = message_.bytes().data();
  const char* const end = at + message_.bytes().size();
  for (const Edit& edit : edits_) {
    if (edit.at > at) {
      out.append(at, static_cast<std::size_t>(edit.at - at));
      at = edit.at;
    }
    out.append(edit.text);
    if (edit.at + edit.removed > at) at = edit.at + edit.removed;
  }
  out.append(at, static_cast<std::size_t>(end - at));
}

}  // namespace ringhold::sip
