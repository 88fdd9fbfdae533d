#include <algorithm>

#include "block.h"
#include "reference.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

// Queries, keys and values of one text, [rows or keys, heads * head size].
struct Problem {
  HeadShape shape;
  int rows, keys;
  Block q, k, v;

  std::string text() const { return describe("rows, keys, heads, head size", rows, keys, shape.heads, shape.size); }
};

Problem random_problem(Random& random) {
  const HeadShape shape{random.between(1, 3), random.one_in(3) ? random.pick<int>({32, 64}) : random.size(1, 130)};
  const int rows = random.size(1, 68), hidden = shape.heads * shape.size;
  // Kernels go by blocks of 256 keys.
  const int keys = random.one_in(4) ? random.pick<int>({255, 256, 257, 511, 512, 513}) : random.size(1, 600);
  const float sharpness = random.pick<float>({0.3f, 1.0f, 3.0f});
  return {shape, rows, keys, Block(random, rows, hidden, sharpness), Block(random, keys, hidden, 1.0f),
          Block(random, keys, hidden, 1.0f)};
}

// Stores keys or values as a model does: in parts that begin at multiples of four.
template <typename Store, typename Text>
void store_in_parts(Random& random, const Block& x, HeadShape shape, const Text& text, Store store) {
  for (int first = 0; first < x.rows;) {
    const int count = std::min(4 * random.size(1, 20), x.rows - first);
    store(x.row(first), x.stride, count, first, shape, text);
    first += count;
  }
}

// One head's columns in double precision, [rows, head size].
Doubles head_of(const Block& x, HeadShape shape, int head) {
  Doubles part;
  for (int r = 0; r < x.rows; ++r) {
    const float* row = x.row(r) + head * shape.size;
    part.insert(part.end(), row, row + shape.size);
  }
  return part;
}

// Each row [columns] as its codes, of at most `largest_code`, stand for it.
void pass_through_codes(Doubles& x, int columns, int largest_code) {
  for (std::size_t first = 0; first < x.size(); first += columns) {
    double most = 0.0;
    for (int c = 0; c < columns; ++c) most = std::max(most, std::fabs(x[first + c]));
    // In single precision, as the kernels do it, so that numbers halfway between two codes take the same side.
    const float inverse = static_cast<float>(largest_code) / static_cast<float>(most);
    for (int c = 0; c < columns; ++c) {
      double& value = x[first + c];
      value = static_cast<double>(std::nearbyint(static_cast<float>(value) * inverse)) * most / largest_code;
    }
  }
}

std::vector<std::int8_t> unset_codes(Random& random, std::size_t size) {
  std::vector<std::int8_t> codes(size);
  for (auto& code : codes) code = static_cast<std::int8_t>(random.bits());
  return codes;
}

double largest(const Doubles& x) {
  double most = 0.0;
  for (const double value : x) most = std::max(most, std::fabs(value));
  return most;
}

}  // namespace

void test_attention_int8(Random& random, const Kernels& kernels) {
  const Problem p = random_problem(random);
  const auto [heads, size] = p.shape;
  const int keys_padded = round_up_to(p.keys, 4 * kernels.lanes), query_codes = round_up_to(size, 4 * kernels.lanes);
  const std::size_t all_keys = static_cast<std::size_t>(heads) * keys_padded;
  auto keys = unset_codes(random, all_keys * round_up_to(size, kernels.input_unit));
  auto values = unset_codes(random, all_keys * round_up_to(size, kernels.lanes));
  std::vector<std::int32_t> key_starts(all_keys, 0x5a5a);
  std::vector<float> key_scales = unset_floats(all_keys), value_scales = unset_floats(all_keys);
  const Int8Text text{keys.data(),   key_starts.data(),   key_scales.data(),
                      values.data(), value_scales.data(), keys_padded};
  store_in_parts(random, p.k, p.shape, text, kernels.store_keys_int8);
  store_in_parts(random, p.v, p.shape, text, kernels.store_values_int8);
  const std::size_t queries = static_cast<std::size_t>(p.rows) * heads;
  std::vector<char> codes(queries * query_codes * kernels.code_bytes, 0x5a);
  std::vector<float> scales = unset_floats(queries);
  kernels.store_queries_int8(p.q.row(0), p.q.stride, p.rows, p.shape, codes.data(), scales.data());
  Block out(random, p.rows, heads * size, 1.0f);
  kernels.attend_int8(codes.data(), scales.data(), p.rows, p.keys, p.shape, text, out.values.data(), out.stride);
  out.require_untouched_between();

  for (int h = 0; h < heads; ++h) {
    Doubles q = head_of(p.q, p.shape, h), k = head_of(p.k, p.shape, h), v = head_of(p.v, p.shape, h);
    pass_through_codes(q, size, kernels.largest_code);
    for (Doubles* x : {&k, &v}) pass_through_codes(*x, size, 127);
    for (int r = 0; r < p.rows; ++r) {
      double total;
      const Doubles expected = attend(&q[r * size], k.data(), v.data(), p.keys, size, size, total);
      // Probabilities are rounded to multiples of the largest value's share in 127; errors of many keys cancel.
      const double tolerance = largest(v) * (3e-4 + std::sqrt(p.keys) * 1.5 / 127.0 / total);
      for (int i = 0; i < size; ++i) require_close(out.at(r, h * size + i), expected[i], tolerance, p.text());
    }
  }
}

void test_attention_fp32(Random& random, const Kernels& kernels) {
  const Problem p = random_problem(random);
  const auto [heads, size] = p.shape;
  const int keys_padded = round_up_to(p.keys, 4 * kernels.lanes), hidden = heads * size;
  const std::size_t all_keys = static_cast<std::size_t>(heads) * keys_padded;
  std::vector<float> keys = unset_floats(all_keys * size);
  std::vector<float> values = unset_floats(all_keys * round_up_to(size, kernels.lanes));
  const Fp32Text text{keys.data(), values.data(), keys_padded};
  store_in_parts(random, p.k, p.shape, text, kernels.store_keys_fp32);
  store_in_parts(random, p.v, p.shape, text, kernels.store_values_fp32);
  std::vector<float> queries;
  for (int r = 0; r < p.rows; ++r) queries.insert(queries.end(), p.q.row(r), p.q.row(r) + hidden);
  queries.shrink_to_fit();
  Block out(random, p.rows, hidden, 1.0f);
  kernels.attend_fp32(queries.data(), p.rows, p.keys, p.shape, text, out.values.data(), out.stride);
  out.require_untouched_between();

  for (int h = 0; h < heads; ++h) {
    const Doubles q = head_of(p.q, p.shape, h), k = head_of(p.k, p.shape, h), v = head_of(p.v, p.shape, h);
    for (int r = 0; r < p.rows; ++r) {
      double total;
      const Doubles expected = attend(&q[r * size], k.data(), v.data(), p.keys, size, size, total);
      for (int i = 0; i < size; ++i) require_close(out.at(r, h * size + i), expected[i], 2e-5, p.text());
    }
  }
}

}  // namespace squeezebert::selftest
