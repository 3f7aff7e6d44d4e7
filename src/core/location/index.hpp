#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>

namespace ringhold::location {

/// A hash table of chains of bindings: eight bytes for each chain, the key stays in the binding. What the table cannot
/// know (whether a chain has the key that is asked for) the caller's `matches(index)` tells.
class Index {
 public:
  static constexpr std::uint32_t none = UINT32_MAX;

  /// The first of the chain, or `none`.
  template <typename Matches>
  std::uint32_t find(std::uint32_t hash, Matches&& matches) const {
    const auto found = chains_.find(Query<Matches>{hash, matches});
    return found == chains_.end() ? none : found->first;
  }
  /// The chain with that key begins with `first` from now on; the chain is made when there is none.
  template <typename Matches>
  void set(std::uint32_t hash, std::uint32_t first, Matches&& matches) {
    const auto found = chains_.find(Query<Matches>{hash, matches});
    if (found != chains_.end())
      found->first = first;
    else
      chains_.insert(Chain{hash, first});
  }
  template <typename Matches>
  void erase(std::uint32_t hash, Matches&& matches) {
    if (const auto found = chains_.find(Query<Matches>{hash, matches}); found != chains_.end()) chains_.erase(found);
  }

 private:
  struct Chain {
    std::uint32_t hash;
    mutable std::uint32_t first;  ///< not part of the key
  };
  template <typename Matches>
  struct Query {
    std::uint32_t hash;
    Matches& matches;
  };
  struct Hash {
    using is_transparent = void;
    template <typename Key>
    std::size_t operator()(const Key& key) const {
      return key.hash;
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Chain& a, const Chain& b) const { return a.first == b.first; }
    template <typename Matches>
    bool operator()(const Query<Matches>& query, const Chain& chain) const {
      return query.hash == chain.hash && query.matches(chain.first);
    }
    template <typename Matches>
    bool operator()(const Chain& chain, const Query<Matches>& query) const {
      return (*this)(query, chain);
    }
  };
  boost::unordered_flat_set<Chain, Hash, Equal> chains_;
};

}  // namespace ringhold::location
