// Element-wise functions on vectors, and loops over rows whose length is no multiple of the lanes.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

// How much of a vector counts: all of it, or the first `count` lanes, 0 < count < lanes.
struct Whole {};
struct Part {
  int count;
};

inline Floats load(const float* p, Whole) { return load(p); }
inline Floats load(const float* p, Part part) { return load_partial(p, part.count); }
inline void store(float* p, Floats x, Whole) { store(p, x); }
inline void store(float* p, Floats x, Part part) {
  float whole[lanes];
  store(whole, x);
  for (int i = 0; i < part.count; ++i) p[i] = whole[i];
}
// Zero in the lanes that do not count.
inline Floats counted(Floats x, Whole) { return x; }
inline Floats counted(Floats x, Part part) {
  float whole[lanes];
  store(whole, x);
  return load_partial(whole, part.count);
}

// Calls f(first column, width) for each vector of a row.
template <typename F>
inline void for_vectors(int columns, F f) {
  int c = 0;
  for (; c + lanes <= columns; c += lanes) f(c, Whole{});
  if (c < columns) f(c, Part{columns - c});
}

#if !defined(SQUEEZEBERT_COMPARES_MAGNITUDES)
// The larger of `a`, which is a magnitude, and the magnitude of b.
inline Floats larger_magnitude(Floats a, Floats b) { return max(a, abs(b)); }
#endif

// The least and the greatest of some numbers, lane by lane.
struct Range {
  Floats least, greatest;
};
inline Range unite(Range a, Range b) { return {min(a.least, b.least), max(a.greatest, b.greatest)}; }

// Gathers f(first column, width) over the vectors of a row, lane by lane and beginning with zeros. Four chains,
// because each step of one waits for the step before.
template <typename T, T (*join)(T, T), typename F>
[[gnu::always_inline]] inline T gather(int columns, F f) {
  const T start{};
  T chains[4] = {start, start, start, start};
  int c = 0;
  for (; c + 4 * lanes <= columns; c += 4 * lanes) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) chains[i] = join(chains[i], f(c + i * lanes, Whole{}));
  }
  for (; c + lanes <= columns; c += lanes) chains[0] = join(chains[0], f(c, Whole{}));
  if (c < columns) chains[1] = join(chains[1], f(c, Part{columns - c}));
  return join(join(chains[0], chains[1]), join(chains[2], chains[3]));
}

// `count` may be anything: zero or less is none.
inline Floats load_up_to(const float* p, int count) {
  if (count >= lanes) return load(p);
  return count > 0 ? load_partial(p, count) : zeros();
}

// 2^x for x <= 0 and above -126, relative error 2e-7: x = n + f, Taylor's polynomial on [-1/2, 1/2]
// and the exponent.
inline Floats exp2(Floats x) {
  x = max(x, broadcast(-126.0f));
  const Floats n = round(x);
  const Floats f = sub(x, n);
  Floats p = broadcast(1.5403530e-4f);
  p = fma(p, f, broadcast(1.3333558e-3f));
  p = fma(p, f, broadcast(9.6181291e-3f));
  p = fma(p, f, broadcast(5.5504109e-2f));
  p = fma(p, f, broadcast(2.4022651e-1f));
  p = fma(p, f, broadcast(6.9314718e-1f));
  p = fma(p, f, broadcast(1.0f));
  return times_power_of_two(p, n);
}

// 2^x as above, relative error 1e-4: below what a probability in 8 bits can show.
inline Floats exp2_coarse(Floats x) {
  x = max(x, broadcast(-126.0f));
  const Floats n = round(x);
  const Floats f = sub(x, n);
  Floats p = fma(broadcast(5.5008765e-2f), f, broadcast(2.4221100e-1f));
  p = fma(p, f, broadcast(6.9328296e-1f));
  p = fma(p, f, broadcast(1.0f));
  return times_power_of_two(p, n);
}

// erf(|x|) to 1.5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
inline Floats gelu(Floats x) {
  const Floats z = mul(abs(x), broadcast(0.70710678f));
  const Floats t = div(broadcast(1.0f), fma(z, broadcast(0.3275911f), broadcast(1.0f)));
  Floats p = fma(t, broadcast(1.061405429f), broadcast(-1.453152027f));
  p = fma(p, t, broadcast(1.421413741f));
  p = fma(p, t, broadcast(-0.284496736f));
  p = fma(p, t, broadcast(0.254829592f));
  // log2(e) z²
  const Floats e = exp2(mul(mul(z, z), broadcast(-1.44269504f)));
  // x Φ(x) = max(x, 0) - |x| (1 - erf(z)) / 2
  const Floats tail = mul(mul(p, t), e);
  return sub(max(x, zeros()), mul(mul(abs(x), broadcast(0.5f)), tail));
}

#if defined(SQUEEZEBERT_LOOKS_UP)

// Minimax parabolas c0 + c1 x + c2 x² around each step of x, from 14 below zero to 14 above it; on either side of
// them a line. So many steps are one:
constexpr float gelu_steps = 3.675f;
alignas(64) constexpr float gelu_c0[32] = {
    -7.85245356e-05f, -7.85245356e-05f, -3.02232951e-02f, -6.08009137e-02f, -1.10895015e-01f, -1.82833731e-01f,
    -2.70846784e-01f, -3.57979894e-01f, -4.18140441e-01f, -4.25898254e-01f, -3.70896488e-01f, -2.67871529e-01f,
    -1.52402639e-01f, -6.19743615e-02f, -1.44137684e-02f, -8.87078815e-04f, 2.81790062e-06f, -8.87078815e-04f,
    -1.44137684e-02f, -6.19743615e-02f, -1.52402639e-01f, -2.67871529e-01f, -3.70896488e-01f, -4.25898254e-01f,
    -4.18140441e-01f, -3.57979894e-01f, -2.70846784e-01f, -1.82833731e-01f, -1.10895015e-01f, -6.08009137e-02f,
    -3.02177332e-02f, -7.85245356e-05f};
alignas(64) constexpr float gelu_c1[32] = {
    0.0f, 0.0f, -1.46987541e-02f, -3.14140841e-02f, -6.09761328e-02f, -1.07092142e-01f, -1.68827832e-01f,
    -2.36260235e-01f, -2.88050801e-01f, -2.95037687e-01f, -2.31819749e-01f, -9.28939730e-02f, 9.67422053e-02f,
    2.86908060e-01f, 4.25794691e-01f, 4.89878744e-01f, 5.00000238e-01f, 5.10121226e-01f, 5.74205279e-01f,
    7.13091969e-01f, 9.03257787e-01f, 1.09289396e+00f, 1.23181975e+00f, 1.29503763e+00f, 1.28805077e+00f,
    1.23626029e+00f, 1.16882789e+00f, 1.10709214e+00f, 1.06097615e+00f, 1.03141403e+00f, 1.01469588e+00f, 1.0f};
alignas(64) constexpr float gelu_c2[32] = {
    0.0f, 0.0f, -1.79411320e-03f, -4.07871045e-03f, -8.44061002e-03f, -1.58323348e-02f, -2.66602598e-02f,
    -3.97097059e-02f, -5.08588105e-02f, -5.24199866e-02f, -3.42499986e-02f, 1.26129203e-02f, 9.05506983e-02f,
    1.90695345e-01f, 2.92417318e-01f, 3.68922383e-01f, 3.97716492e-01f, 3.68922383e-01f, 2.92417318e-01f,
    1.90695345e-01f, 9.05506983e-02f, 1.26129203e-02f, -3.42499986e-02f, -5.24199866e-02f, -5.08588105e-02f,
    -3.97097059e-02f, -2.66602598e-02f, -1.58323348e-02f, -8.44061002e-03f, -4.07871045e-03f, -1.79373589e-03f, 0.0f};

// 8.2e-5 at most from the exact one, and half of a polynomial's work for the multipliers.
inline Floats gelu_coarse(Floats x) {
  const Floats clipped = clip(x, broadcast(15.4f / gelu_steps));
  // Adding 2^23 leaves the number of the nearest step, 1 to 31, in the lowest bits.
  const Ints step = bits_of(fma(clipped, broadcast(gelu_steps), broadcast(8388608.0f + 16.0f)));
  const Floats c0 = look_up(gelu_c0, step), c1 = look_up(gelu_c1, step), c2 = look_up(gelu_c2, step);
  return fma(x, fma(x, c2, c1), c0);
}

#else

// x (1/2 + t P(t²)), t = x clamped to ±3.7: the minimax fit of |x| times the error, 5e-4 at most.
inline Floats gelu_coarse(Floats x) {
  const Floats t = max(min(x, broadcast(3.7f)), broadcast(-3.7f));
  const Floats u = mul(t, t);
  Floats p = fma(u, broadcast(-4.8997407e-7f), broadcast(2.6888776e-5f));
  p = fma(p, u, broadcast(-6.1750197e-4f));
  p = fma(p, u, broadcast(7.8486977e-3f));
  p = fma(p, u, broadcast(-6.2587716e-2f));
  p = fma(p, u, broadcast(3.9647508e-1f));
  return mul(x, fma(t, p, broadcast(0.5f)));
}

#endif

// The tanh form: x * sigmoid(2 sqrt(2/π) (x + 0.044715 x³)).
inline Floats gelu_new(Floats x) {
  const Floats cubic = mul(x, fma(mul(x, x), broadcast(0.044715f), broadcast(1.0f)));
  // e^-|2 y| keeps the argument of exp2 negative.
  const Floats e = exp2(mul(abs(cubic), broadcast(-2.0f * 0.7978845608f * 1.44269504f)));
  const Floats positive = div(broadcast(1.0f), add(e, broadcast(1.0f)));
  // sigmoid(-y) = e sigmoid(y); min(x, 0) takes the negative side, max(x, 0) the positive one.
  return mul(positive, add(max(x, zeros()), mul(e, min(x, zeros()))));
}

inline Floats relu(Floats x) { return max(x, zeros()); }

template <Floats (*f)(Floats)>
inline void map_rows(float* x, std::size_t stride, int rows, int columns) {
  for (int r = 0; r < rows; ++r, x += stride) {
    for_vectors(columns, [&](int c, auto width) { store(x + c, f(load(x + c, width)), width); });
  }
}

inline void activate(Activation kind, float* x, std::size_t stride, int rows, int columns) {
  switch (kind) {
    case Activation::gelu: return map_rows<gelu>(x, stride, rows, columns);
    case Activation::gelu_new: return map_rows<gelu_new>(x, stride, rows, columns);
    case Activation::relu: return map_rows<relu>(x, stride, rows, columns);
  }
}

// Of the values of one row and of the squares of another.
struct Sums {
  Floats values, squares;
};
inline Sums add_sums(Sums a, Sums b) { return {add(a.values, b.values), add(a.squares, b.squares)}; }

// x + y, where there is y, normed. Mean and variance in two passes, as the reference does. A pass waits for a sum of
// the one before, and the first one for memory: so three rows go through a pass each in one loop.
[[gnu::noinline]] inline void norm_rows(float* x, std::size_t stride, const float* y, std::size_t y_stride, int rows,
                                        int columns, const float* weight, const float* bias, float epsilon) {
  const float share = 1.0f / static_cast<float>(columns);
  float means[3] = {}, scales[3] = {};
  for (int r = 0; r < rows + 2; ++r) {
    float* row = x + r * stride;
    const float *other = y + r * y_stride, *second = row - stride;
    float* third = row - 2 * stride;
    const bool has_first = r < rows, has_second = r >= 1 && r <= rows, has_third = r >= 2;
    float &first_mean = means[r % 3], &second_scale = scales[(r + 2) % 3];
    const Floats second_mean = broadcast(means[(r + 2) % 3]);
    const Floats third_mean = broadcast(means[(r + 1) % 3]), third_scale = broadcast(scales[(r + 1) % 3]);
    const auto sum_up = [&](int c, auto width) {
      Floats value = load(row + c, width);
      if (y) store(row + c, value = add(value, load(other + c, width)), width);
      return value;
    };
    const auto square = [&](int c, auto width) {
      const Floats centred = counted(sub(load(second + c, width), second_mean), width);
      return mul(centred, centred);
    };
    const auto finish = [&](int c, auto width) {
      const Floats normed = mul(sub(load(third + c, width), third_mean), third_scale);
      store(third + c, fma(normed, load(weight + c, width), load(bias + c, width)), width);
    };
    const Sums sums = gather<Sums, add_sums>(columns, [&](int c, auto width) {
      if (has_third) finish(c, width);
      return Sums{has_first ? sum_up(c, width) : zeros(), has_second ? square(c, width) : zeros()};
    });
    if (has_first) first_mean = share * sum(sums.values);
    if (has_second) second_scale = 1.0f / __builtin_sqrtf(share * sum(sums.squares) + epsilon);
  }
}

inline void norm(float* x, std::size_t stride, int rows, int columns, const float* weight, const float* bias,
                 float epsilon) {
  norm_rows(x, stride, nullptr, 0, rows, columns, weight, bias, epsilon);
}

inline void add_norm(float* x, std::size_t stride, const float* y, std::size_t y_stride, int rows, int columns,
                     const float* weight, const float* bias, float epsilon) {
  norm_rows(x, stride, y, y_stride, rows, columns, weight, bias, epsilon);
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
