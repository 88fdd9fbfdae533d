#include <algorithm>

#include "reference.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

// Queries, keys and values of one head, [rows or keys, head size].
struct Problem {
  int rows, keys, head_size;
  std::vector<float> q, k, v;

  std::string text() const { return describe("rows, keys, head size", rows, keys, head_size); }
};

Problem random_problem(Random& random) {
  Problem p;
  p.rows = random.size(1, 68);
  // Kernels go by blocks of 256 keys.
  p.keys = random.one_in(4) ? random.pick<int>({255, 256, 257, 511, 512, 513}) : random.size(1, 600);
  p.head_size = random.one_in(3) ? random.pick<int>({32, 64, 128}) : random.size(1, 130);
  const float sharpness = random.pick<float>({0.3f, 1.0f, 3.0f});
  p.q = normal_floats(random, static_cast<std::size_t>(p.rows) * p.head_size, sharpness);
  p.k = normal_floats(random, static_cast<std::size_t>(p.keys) * p.head_size);
  p.v = normal_floats(random, static_cast<std::size_t>(p.keys) * p.head_size);
  return p;
}

// Rows of an output, with something between them that no kernel may touch: there lie the other heads.
struct Output {
  static constexpr float between = 12345.0f;

  int columns;
  std::size_t stride;
  std::vector<float> values;

  Output(Random& random, int rows, int head_size)
      : columns(head_size),
        stride(head_size + random.pick<int>({0, 1, 16, 64})),
        values(extent(rows, stride, head_size), between) {}

  void require_untouched_between() const {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (i % stride >= static_cast<std::size_t>(columns)) require(values[i] == between, "wrote between the rows");
    }
  }
};

// Each row as its codes of 8 bits stand for it.
Doubles through_codes(const std::vector<float>& x, int columns) {
  Doubles result(x.begin(), x.end());
  for (std::size_t first = 0; first < x.size(); first += columns) {
    float most = 0.0f;
    for (int c = 0; c < columns; ++c) most = std::max(most, std::fabs(x[first + c]));
    const float scale = most / 127.0f, inverse = most > 0.0f ? 127.0f / most : 0.0f;
    for (int c = 0; c < columns; ++c) {
      result[first + c] = static_cast<double>(std::nearbyint(x[first + c] * inverse)) * scale;
    }
  }
  return result;
}

std::vector<std::int8_t> unset_codes(Random& random, std::size_t size) {
  std::vector<std::int8_t> codes(size);
  for (auto& code : codes) code = static_cast<std::int8_t>(random.bits());
  return codes;
}

}  // namespace

void test_attention_int8(Random& random, const Kernels& kernels) {
  const Problem p = random_problem(random);
  const int keys_padded = round_up_to(p.keys, 4 * kernels.lanes), depth = kernels.depth;
  auto keys = unset_codes(random, static_cast<std::size_t>(keys_padded) * round_up_to(p.head_size, depth));
  auto values = unset_codes(random, static_cast<std::size_t>(round_up_to(p.keys, depth)) *
                                        round_up_to(p.head_size, kernels.lanes));
  std::vector<std::int32_t> key_starts(keys_padded, 0x5a5a);
  std::vector<float> key_scales = unset_floats(keys_padded), value_scales = unset_floats(keys_padded);
  const Int8Head head{keys.data(), key_starts.data(), key_scales.data(), values.data(), value_scales.data()};
  for (int key = 0; key < p.keys; ++key) {
    kernels.store_key_int8(&p.k[key * p.head_size], p.head_size, key, head);
    kernels.store_value_int8(&p.v[key * p.head_size], p.head_size, key, head);
  }
  const int heads = random.between(1, 3), query_codes = round_up_to(p.head_size, 4 * kernels.lanes);
  const std::size_t query_stride = static_cast<std::size_t>(heads) * query_codes;
  std::vector<char> queries(extent(p.rows, query_stride, query_codes) * kernels.code_bytes, 0x5a);
  std::vector<float> query_scales = unset_floats(extent(p.rows, heads, 1));
  for (int r = 0; r < p.rows; ++r) {
    kernels.quantize(&p.q[r * p.head_size], 0, 1, p.head_size, &queries[r * query_stride * kernels.code_bytes], 0,
                     &query_scales[r * heads]);
  }
  Output out(random, p.rows, p.head_size);
  kernels.attend_int8(queries.data(), query_stride, query_scales.data(), heads, p.rows, head, p.keys, p.head_size,
                      out.values.data(), out.stride);
  out.require_untouched_between();

  const Doubles q = through_codes(p.q, p.head_size), k = through_codes(p.k, p.head_size),
                v = through_codes(p.v, p.head_size);
  double most = 0.0, total = 0.0;
  for (const double value : v) most = std::max(most, std::fabs(value));
  for (int r = 0; r < p.rows; ++r) {
    const Doubles expected = attend(&q[r * p.head_size], k.data(), v.data(), p.keys, p.head_size, p.head_size, total);
    // Probabilities are rounded to multiples of the largest value's share in 127; errors of many keys cancel.
    const double tolerance = most * (3e-4 + std::sqrt(p.keys) * 1.5 / 127.0 / total);
    for (int i = 0; i < p.head_size; ++i) require_close(out.values[r * out.stride + i], expected[i], tolerance, p.text());
  }
}

void test_attention_fp32(Random& random, const Kernels& kernels) {
  const Problem p = random_problem(random);
  std::vector<float> keys = unset_floats(static_cast<std::size_t>(round_up_to(p.keys, 4 * kernels.lanes)) * p.head_size);
  std::vector<float> values = unset_floats(static_cast<std::size_t>(p.keys) * round_up_to(p.head_size, kernels.lanes));
  const Fp32Head head{keys.data(), values.data()};
  for (int key = 0; key < p.keys; ++key) {
    kernels.store_key_fp32(&p.k[key * p.head_size], p.head_size, key, head);
    kernels.store_value_fp32(&p.v[key * p.head_size], p.head_size, key, head);
  }
  const std::size_t query_stride = p.head_size * random.between(1, 3);
  std::vector<float> queries = unset_floats(extent(p.rows, query_stride, p.head_size));
  for (int r = 0; r < p.rows; ++r) std::copy_n(&p.q[r * p.head_size], p.head_size, &queries[r * query_stride]);
  Output out(random, p.rows, p.head_size);
  kernels.attend_fp32(queries.data(), query_stride, p.rows, head, p.keys, p.head_size, out.values.data(), out.stride);
  out.require_untouched_between();

  const Doubles q(p.q.begin(), p.q.end()), k(p.k.begin(), p.k.end()), v(p.v.begin(), p.v.end());
  double total = 0.0;
  for (int r = 0; r < p.rows; ++r) {
    const Doubles expected = attend(&q[r * p.head_size], k.data(), v.data(), p.keys, p.head_size, p.head_size, total);
    for (int i = 0; i < p.head_size; ++i) require_close(out.values[r * out.stride + i], expected[i], 2e-5, p.text());
  }
}

}  // namespace squeezebert::selftest
