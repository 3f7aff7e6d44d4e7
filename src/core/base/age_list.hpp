#pragma once

#include <cstddef>

#include "base/check.hpp"
#include "base/slab.hpp"
#include "base/time.hpp"

namespace ringhold {

/// A member of an AgeList; the object that is listed holds it.
template <typename T>
struct AgeLink {
  Id<T> older, younger;
  Instant since{};
  bool listed = false;
};

/// Objects of one Slab in the order in which they were added, through links inside them: nothing is allocated. What is erased
/// from the slab leaves the list first. For what may end early when the slab is full, oldest first.
template <typename T, AgeLink<T> T::* link>
class AgeList {
 public:
  /// `object`, whose name is `id`, becomes the youngest, once; later calls change nothing.
  void add(Slab<T>& slab, Id<T> id, T& object, Instant now) {
    AgeLink<T>& own = object.*link;
    if (own.listed) return;
    own = {youngest_, {}, now, true};
    if (T* before = slab.find(youngest_)) (before->*link).younger = id;
    youngest_ = id;
    if (!oldest_) oldest_ = id;
  }
  /// Harmless for an object that is not listed.
  void remove(Slab<T>& slab, Id<T> id, T& object) {
    AgeLink<T>& own = object.*link;
    if (!own.listed) return;
    if (T* before = slab.find(own.older)) (before->*link).younger = own.younger;
    if (T* after = slab.find(own.younger)) (after->*link).older = own.older;
    if (oldest_ == id) oldest_ = own.younger;
    if (youngest_ == id) youngest_ = own.older;
    own = {};
  }
  /// The oldest, if it was added at `latest` or before; else zero.
  Id<T> oldest_before(const Slab<T>& slab, Instant latest) const {
    const T* object = slab.find(oldest_);
    return object != nullptr && (object->*link).since <= latest ? oldest_ : Id<T>{};
  }

 private:
  Id<T> oldest_, youngest_;
};

}  // namespace ringhold
