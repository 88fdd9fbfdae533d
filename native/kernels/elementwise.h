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

// The least and the greatest of some numbers, lane by lane.
struct Range {
  Floats least, greatest;
};
inline Range unite(Range a, Range b) { return {min(a.least, b.least), max(a.greatest, b.greatest)}; }

// Gathers f(first column, width) over the vectors of a row, lane by lane and beginning with zeros. Four chains,
// because each step of one waits for the step before.
template <typename T, T (*join)(T, T), typename F>
inline T gather(int columns, F f) {
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

// Minimax parabolas c0 + c1 a + c2 a² of g(a) = a (1 - Φ(a)) around each quarter of a.
alignas(64) constexpr float gelu_c0[16] = {
    0.0f, 6.36574288e-04f, 1.05225677e-02f, 4.65588495e-02f, 1.19179569e-01f, 2.20564738e-01f,
    3.25259358e-01f, 4.02376980e-01f, 4.30748910e-01f, 4.06284988e-01f, 3.42746496e-01f, 2.60963976e-01f,
    1.80580109e-01f, 1.14175737e-01f, 6.62363842e-02f, 3.56291644e-02f};
alignas(64) constexpr float gelu_c1[16] = {
    4.99911278e-01f, 4.92099851e-01f, 4.41186130e-01f, 3.26810181e-01f, 1.60854176e-01f, -2.00249627e-02f,
    -1.73256874e-01f, -2.69090235e-01f, -3.00016761e-01f, -2.77355999e-01f, -2.23974675e-01f, -1.61631256e-01f,
    -1.05611533e-01f, -6.30059913e-02f, -3.45130377e-02f, -1.75664388e-02f};
alignas(64) constexpr float gelu_c2[16] = {
    -3.97273749e-01f, -3.73465657e-01f, -3.07395697e-01f, -2.16348901e-01f, -1.21377267e-01f, -4.06203195e-02f,
    1.54839931e-02f, 4.52689789e-02f, 5.36963753e-02f, 4.84487116e-02f, 3.72343101e-02f, 2.53508948e-02f,
    1.55893294e-02f, 8.75444803e-03f, 4.52027004e-03f, 2.17431900e-03f};

// max(x, 0) - g(|x|), 2e-4 at most from the exact one, and half of a polynomial's work for the multipliers.
inline Floats gelu_coarse(Floats x) {
  const Floats a = min(abs(x), broadcast(3.87f));
  // Adding 2^23 leaves the number of the nearest quarter in the lowest bits.
  const Ints quarter = bits_of(fma(a, broadcast(4.0f), broadcast(8388608.0f)));
  const Floats c0 = look_up(gelu_c0, quarter), c1 = look_up(gelu_c1, quarter), c2 = look_up(gelu_c2, quarter);
  return sub(max(x, zeros()), fma(a, fma(a, c2, c1), c0));
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

// x + y, where there is y, normed. Mean and variance in two passes, as the reference does. Each pass waits for a sum
// of the one before: meanwhile those of two other rows go on. All three stay in the first-level cache.
[[gnu::noinline]] inline void norm_rows(float* x, std::size_t stride, const float* y, std::size_t y_stride, int rows,
                                        int columns, const float* weight, const float* bias, float epsilon) {
  const float share = 1.0f / static_cast<float>(columns);
  float means[3], scales[3];
  for (int r = 0; r < rows + 2; ++r) {
    if (r < rows) {
      float* row = x + r * stride;
      const float* other = y + r * y_stride;
      const Floats total = gather<Floats, add>(columns, [&](int c, auto width) {
        Floats value = load(row + c, width);
        if (y) store(row + c, value = add(value, load(other + c, width)), width);
        return value;
      });
      means[r % 3] = share * sum(total);
    }
    if (const int second = r - 1; second >= 0 && second < rows) {
      const float* row = x + second * stride;
      const Floats mean = broadcast(means[second % 3]);
      const Floats squares = gather<Floats, add>(columns, [&](int c, auto width) {
        const Floats centred = counted(sub(load(row + c, width), mean), width);
        return mul(centred, centred);
      });
      scales[second % 3] = 1.0f / __builtin_sqrtf(share * sum(squares) + epsilon);
    }
    if (const int third = r - 2; third >= 0) {
      float* row = x + third * stride;
      const Floats mean = broadcast(means[third % 3]), scale = broadcast(scales[third % 3]);
      for_vectors(columns, [&](int c, auto width) {
        const Floats normed = mul(sub(load(row + c, width), mean), scale);
        store(row + c, fma(normed, load(weight + c, width), load(bias + c, width)), width);
      });
    }
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
