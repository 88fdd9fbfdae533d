// Which steps of a panel of int8 weights are multiplied together, by sets of instructions that take two at once where
// the sums of both fit into a register.
//
// Weights are known when they are packed, so each step is given a partner then, and no sum has to be looked at later.
// Of the embedded model's steps, one or two in a hundred stay single.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

#if defined(SQUEEZEBERT_PAIRS_STEPS)

constexpr int steps_at_once = 2;
// A broadcast costs as much as an addition: with 3 vectors there are two for three sums, with 2 one for each. 9 sums
// leave registers for the ones and most of the weights.
constexpr int int8_rows = 3;
constexpr int int8_vectors = 3;
// Keys and values have no pairs: what they hold is not known beforehand. 6 × 2 is as fast and more code.
constexpr int attention_rows = 4;
constexpr int attention_vectors = 2;

// Bytes of a panel's order, which stands before its weights.
constexpr std::size_t order_bytes(int steps) {
  return padded((1 + steps) * static_cast<int>(sizeof(std::int32_t)), 64);
}

// A panel of a linear layer; pairs of steps come first.
struct Panel : Columns<std::int8_t> {
  const std::int32_t* order;  // the number of pairs, then which step each one is
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

  bool are_pair(int a, int b) const {
    for (int i = 0; i < bytes_; i += lanes * depth) {
      if (!is_pair(at(a) + i, at(b) + i)) return false;
    }
    return true;
  }
  void exchange(int a, int b) {
    for (int i = 0; i < bytes_; ++i) swap(at(a)[i], at(b)[i]);
    swap(order_[a], order_[b]);
  }

 private:
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

// Moves pairs to the front of a panel and the steps without a partner to its end.
inline void pair_steps(std::int8_t* weights, int count, int columns, std::int32_t* order) {
  // Enough where one in ten fits; where none does, packing is not much longer for it.
  constexpr int most_candidates = 32;
  Steps steps(weights, count, columns, order + 1);
  int first = 0, end = count;
  while (first + 1 < end) {
    const int last = smaller(end, first + 1 + most_candidates);
    int partner = first + 1;
    while (partner < last && !steps.are_pair(first, partner)) ++partner;
    if (partner < last) {
      steps.exchange(first + 1, partner);
      first += 2;
    } else {
      steps.exchange(first, --end);
    }
  }
  order[0] = first / 2;
}

// As that of vector_tile.h, in the panel's order.
template <int lines, int rows, int vectors>
[[gnu::always_inline]] inline void take_steps(Ints (&sums)[rows][vectors], const Code* codes, std::size_t code_stride,
                                              const Panel& columns) {
  constexpr std::size_t vector_bytes = lanes * depth, step_bytes = vectors * vector_bytes;
  const std::int8_t* weights = columns.weights;
  const std::int32_t* step = columns.order + 1;
  const std::int32_t *const singles = step + 2 * columns.order[0], *const end = step + columns.steps;
  const char* next = columns.next;
  const std::size_t next_stride = columns.next_stride;
  for (; step != singles; step += 2, weights += 2 * step_bytes, next += next_stride) {
    prefetch<lines>(next, next_stride);
    Ints column[vectors], next_column[vectors];
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) {
      column[v] = load_weights(weights + v * vector_bytes);
      next_column[v] = load_weights(weights + step_bytes + v * vector_bytes);
    }
    const Code *first = codes + static_cast<std::size_t>(step[0]) * depth,
               *second = codes + static_cast<std::size_t>(step[1]) * depth;
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Ints row = broadcast_codes(first + r * code_stride), next_row = broadcast_codes(second + r * code_stride);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) sums[r][v] = dot_pair(sums[r][v], row, column[v], next_row, next_column[v]);
    }
  }
  for (; step != end; ++step, weights += step_bytes) {
    const Code* single = codes + static_cast<std::size_t>(*step) * depth;
#pragma GCC unroll 8
    for (int r = 0; r < rows; ++r) {
      const Ints row = broadcast_codes(single + r * code_stride);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        sums[r][v] = dot(sums[r][v], row, load_weights(weights + v * vector_bytes));
      }
    }
  }
}

#else

constexpr int steps_at_once = 1;
using Panel = Columns<std::int8_t>;
constexpr std::size_t order_bytes(int) { return 0; }
inline void read_order(Panel&) {}
inline void pair_steps(std::int8_t*, int, int, std::int32_t*) {}

#endif

}  // namespace squeezebert::SQUEEZEBERT_ISA
