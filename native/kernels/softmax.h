// Scores to probabilities in codes, the exponentials of attention in int8.
//
// Bound by the arithmetic units, hence 16-bit words where an instruction set can look up and shift them: twice
// the lanes, and a table in place of a polynomial. Many probabilities are far below one code. Adding a number
// evenly spread over one code before rounding down lets their sum survive, where rounding to the nearest would
// lose them all.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

// Keys of a block: the scores of a tile of queries stay in the first-level cache.
constexpr int key_block = 256;

// The n-th of numbers that are spread evenly over [0, 1), whatever part of the sequence is taken.
constexpr double spread(int n) {
  const double turns = n * 0.6180339887498949;
  return turns - static_cast<long long>(turns);
}

#if defined(SQUEEZEBERT_SOFTENS_WORDS)

// 2^15 is one, in the words; 2^8 in the codes.
constexpr float probability_unit = 256.0f;
using Probability = std::uint8_t;

// 2^-x in steps of 1/64: no probability is more than 0.6 % off.
struct Powers {
  alignas(64) std::int16_t at[64];
  constexpr Powers() : at() {
    double power = 32767.0;
    for (std::int16_t& each : at) {
      each = static_cast<std::int16_t>(power + 0.5);
      power *= 0.98922801319397548;  // 2^(-1/64)
    }
  }
};
constexpr Powers powers{};

struct Spread {
  alignas(64) std::int16_t at[key_block];
  constexpr Spread() : at() {
    for (int i = 0; i < key_block; ++i) at[i] = static_cast<std::int16_t>(spread(i) * 128.0);
  }
};
constexpr Spread spread_errors{};

// Each value's scale, relative to the block's largest, in 16 bits and in the order of `pair_words`.
struct Shares {
  alignas(64) std::uint16_t at[key_block];
};

inline void store_shares(Shares& shares, const float* scales, int count, float factor) {
  const Floats by = broadcast(factor * 65535.0f);
  for (int c = 0; c < count; c += 2 * lanes) {
    // Less the offset that words are signed with.
    const auto share = [&](int first) {
      return to_ints(sub(mul(load_up_to(scales + first, count - first), by), broadcast(32768.0f)));
    };
    store_words(shares.at + c, add_words(pair_words(share(c), share(c + lanes)), broadcast_word(-32768)));
  }
}

// Scores [vectors × lanes] of one query, times `factor`, to probabilities in codes; returns their sums per lane.
inline Floats soften(const float* scores, int vectors, float factor, float maximum, const Shares& shares,
                     Probability* codes) {
  const Floats by = broadcast(-64.0f * factor), from = broadcast(64.0f * maximum);
  const WordTable table = load_table(powers.at);
  const Words one = broadcast_word(1);
  Ints total = to_ints(zeros());
  for (int v = 0; v < vectors; v += 4) {
    Words code[2];
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const int key = (v + 2 * half) * lanes;
      const Words below = pair_words(to_ints(fma(load(scores + key), by, from)),
                                     to_ints(fma(load(scores + key + lanes), by, from)));
      const Words p = shift_right(look_up(table, below), shift_right<6>(below));
      total = dot_words(total, p, one);
      const Words shared = high_product(p, load_words(shares.at + key));
      code[half] = shift_right<7>(add_words(shared, load_words(spread_errors.at + key)));
    }
    store_word_codes(codes + v * lanes, code[0], code[1]);
  }
  return mul(to_floats(total), broadcast(1.0f / 32768.0f));
}

#else

constexpr float probability_unit = largest_probability;
using Probability = Code;

struct Spread {
  alignas(64) float at[key_block];
  constexpr Spread() : at() {
    for (int i = 0; i < key_block; ++i) at[i] = static_cast<float>(spread(i) - 0.5);
  }
};
constexpr Spread spread_errors{};

// Each value's scale, relative to the block's largest, times the largest code.
struct Shares {
  alignas(64) float at[key_block];
};

inline void store_shares(Shares& shares, const float* scales, int count, float factor) {
  const Floats by = broadcast(factor * largest_probability);
  for (int c = 0; c < padded(count, 4 * lanes); c += lanes) {
    store(shares.at + c, mul(load_up_to(scales + c, count - c), by));
  }
}

// Scores [vectors × lanes] of one query, times `factor`, to probabilities in codes; returns their sums per lane.
inline Floats soften(const float* scores, int vectors, float factor, float maximum, const Shares& shares,
                     Probability* codes) {
  const Floats by = broadcast(factor), less = broadcast(-maximum);
  Floats total = zeros();
  for (int v = 0; v < vectors; v += 4) {
    Ints whole[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const int key = (v + i) * lanes;
      const Floats p = exp2_coarse(fma(load(scores + key), by, less));
      total = add(total, p);
      whole[i] = to_ints(fma(p, load(shares.at + key), load(spread_errors.at + key)));
    }
    store_probabilities(codes + v * lanes, whole[0], whole[1], whole[2], whole[3]);
  }
  return total;
}

#endif

}  // namespace squeezebert::SQUEEZEBERT_ISA
