// Which steps of a panel of int8 weights are multiplied together, by sets of instructions that take several at once
// where the sums of all fit into a register.
//
// Weights are known when they are packed, so each step is given partners then, and no sum has to be looked at later.
// Of the embedded model's steps, eight in ten go by threes and three in a hundred stay single.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

#if defined(SQUEEZEBERT_GROUPS_STEPS)

// Four seldom fit.
constexpr int steps_at_once = 3;
// A broadcast costs as much as an addition: with 3 vectors there is one for each three products, with 2 one for each
// two. 9 sums leave registers for the ones and some weights.
constexpr int int8_rows = 3;
constexpr int int8_vectors = 3;
// Keys and values are taken singly: what they hold is not known beforehand. 6 × 2 is as fast and more code.
constexpr int attention_rows = 4;
constexpr int attention_vectors = 2;

// Bytes of a panel's order, which stands before its weights.
constexpr std::size_t order_bytes(int steps) {
  return padded((steps_at_once - 1 + steps) * static_cast<int>(sizeof(std::int32_t)), 64);
}

// A panel of a linear layer; the largest groups of steps come first.
struct Panel : Columns<std::int8_t> {
  const std::int32_t* order;  // where groups of three end, and those of two, then which step each one is
};

// Where the panel begins with its order, to its weights.
inline void read_order(Panel& panel) {
  panel.order = reinterpret_cast<const std::int32_t*>(panel.weights);
  panel.weights += order_bytes(panel.steps);
}

// Steps of a panel that change places.
class Steps {
 public:
  Steps(std::int8_t* weights, int count, int columns, std::int32_t* order)
      : weights_(weights), bytes_(columns * depth), order_(order) {
    for (int step = 0; step < count; ++step) order_[step] = step;
  }

  // Moves groups of so many from `first` on to the front, the others to the end; returns where they begin.
  int group(int first, int end, int together) {
    while (first + together <= end) {
      if (find_partners(first, end, together)) {
        first += together;
      } else {
        exchange(first, --end);
      }
    }
    return first;
  }

 private:
  // Enough where one in ten fits; where none does, packing is not much longer for it.
  static constexpr int most_candidates = 32;

  bool find_partners(int first, int end, int together) {
    for (int place = first + 1; place < first + together; ++place) {
      const int last = smaller(end, place + most_candidates);
      int partner = place;
      while (partner < last && !fits(first, place, partner)) ++partner;
      if (partner == last) return false;
      exchange(place, partner);
    }
    return true;
  }
  // Whether a step fits to those before `place`.
  bool fits(int first, int place, int partner) const {
    for (int i = 0; i < bytes_; i += lanes * depth) {
      const std::int8_t* group[steps_at_once];
      int count = 0;
      for (int step = first; step < place; ++step) group[count++] = at(step) + i;
      group[count++] = at(partner) + i;
      if (!words_hold(group, count)) return false;
    }
    return true;
  }
  void exchange(int a, int b) {
    for (int i = 0; i < bytes_; ++i) swap(at(a)[i], at(b)[i]);
    swap(order_[a], order_[b]);
  }
  std::int8_t* at(int step) const { return weights_ + static_cast<std::size_t>(step) * bytes_; }
  template <typename T>
  static void swap(T& a, T& b) {
    const T old = a;
    a = b;
    b = old;
  }

  std::int8_t* const weights_;
  const int bytes_;
  std::int32_t* const order_;
};

inline void group_steps(std::int8_t* weights, int count, int columns, std::int32_t* order) {
  Steps steps(weights, count, columns, order + steps_at_once - 1);
  int first = 0;
  for (int together = steps_at_once; together > 1; --together) {
    first = steps.group(first, count, together);
    *order++ = first;
  }
}

// Where a tile stands in its panel.
struct Place {
  const std::int32_t* step;
  const std::int8_t* weights;
  const char* next;
};

// Adds the groups of `together` steps before `end` to the sums.
template <int together, int lines, int rows, int vectors>
[[gnu::always_inline]] inline void take_groups(Ints (&sums)[rows][vectors], const Code* const (&codes)[rows],
                                               Place& place, const std::int32_t* end, std::size_t next_stride) {
  constexpr std::size_t vector_bytes = lanes * depth, step_bytes = vectors * vector_bytes;
  for (; place.step != end; place.step += together) {
    const std::size_t next_bytes = next_stride * together / 2;
    prefetch<lines>(place.next, next_bytes);
    place.next += next_bytes;
    std::ptrdiff_t column[together];
#pragma GCC unroll 3
    for (int s = 0; s < together; ++s) column[s] = place.step[s];
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      Ints row[together];
#pragma GCC unroll 3
      for (int s = 0; s < together; ++s) row[s] = broadcast_codes(codes[r] + column[s] * depth);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        Ints weights[together];
#pragma GCC unroll 3
        for (int s = 0; s < together; ++s) weights[s] = load_weights(place.weights + s * step_bytes + v * vector_bytes);
        sums[r][v] = dot_steps(sums[r][v], row, weights);
      }
    }
    place.weights += together * step_bytes;
  }
}

// As that of vector_tile.h, in the panel's order.
template <int lines, int rows, int vectors>
[[gnu::always_inline]] inline void take_steps(Ints (&sums)[rows][vectors], const Code* codes, std::size_t code_stride,
                                              const Panel& columns) {
  const Code* row_codes[rows];
#pragma GCC unroll 8
  for (int r = 0; r < rows; ++r) {
    row_codes[r] = codes + r * code_stride;
    // Else GCC computes the place of each row from the one before, in every step.
    asm("" : "+r"(row_codes[r]));
  }
  const std::int32_t* const steps = columns.order + steps_at_once - 1;
  Place place{steps, columns.weights, columns.next};
  take_groups<3, lines>(sums, row_codes, place, steps + columns.order[0], columns.next_stride);
  take_groups<2, lines>(sums, row_codes, place, steps + columns.order[1], columns.next_stride);
  take_groups<1, lines>(sums, row_codes, place, steps + columns.steps, columns.next_stride);
}

#else

constexpr int steps_at_once = 1;
// A panel of a linear layer.
struct Panel : Columns<std::int8_t> {};
constexpr std::size_t order_bytes(int) { return 0; }
inline void read_order(Panel&) {}
inline void group_steps(std::int8_t*, int, int, std::int32_t*) {}
inline Ints dot_steps(Ints sums, const Ints (&codes)[1], const Ints (&weights)[1]) {
  return dot(sums, codes[0], weights[0]);
}

#endif

}  // namespace squeezebert::SQUEEZEBERT_ISA
