#include "block.h"
#include "coded.h"
#include "reference.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

Activation random_activation(Random& random) {
  return random.pick<Activation>({Activation::gelu, Activation::gelu_new, Activation::relu});
}

Block random_inputs(Random& random) {
  return Block(random, random.size(1, 68), random.size(1, 300), random.pick<float>({0.1f, 1.0f, 3.0f}));
}

std::string text_of(Activation kind, const Block& x) {
  return describe("kind, rows, columns", static_cast<int>(kind), x.rows, x.columns);
}

}  // namespace

void test_activate(Random& random, const Kernels& kernels) {
  const Activation kind = random_activation(random);
  const Block x = random_inputs(random);
  Block y = x;
  kernels.activate(kind, y.values.data(), y.stride, y.rows, y.columns);
  y.require_untouched_between();
  for (int r = 0; r < x.rows; ++r) {
    for (int c = 0; c < x.columns; ++c) {
      const double value = x.at(r, c), tolerance = 3e-7 * (1.0 + std::fabs(value));
      require_close(y.at(r, c), activation(kind, value), tolerance, text_of(kind, x) + " at " + std::to_string(value));
    }
  }
}

void test_activate_and_quantize(Random& random, const Kernels& kernels) {
  const Activation kind = random_activation(random);
  const Block x = random_inputs(random);
  Block y = x;
  Coded coded(kernels, x.rows, x.columns, random_code_stride(random, kernels, x.columns));
  kernels.activate_and_quantize(kind, y.values.data(), y.stride, y.rows, y.columns, coded.bytes.data(), coded.stride,
                                coded.scales.data());
  y.require_untouched_between();
  for (int r = 0; r < x.rows; ++r) {
    Doubles expected(x.columns);
    for (int c = 0; c < x.columns; ++c) expected[c] = activation(kind, x.at(r, c));
    require_codes(kernels, coded, r, expected, kind == Activation::gelu ? 5e-4 : 2e-6, text_of(kind, x));
  }
}

void test_norm(Random& random, const Kernels& kernels) {
  const int rows = random.size(1, 68), columns = random.size(8, 800);
  const Block x(random, rows, columns, 1.0f), y(random, rows, columns, 1.0f);
  const bool alone = random.one_in(2);
  const std::vector<float> weight = normal_floats(random, columns), bias = normal_floats(random, columns);
  const float epsilon = random.pick<float>({1e-12f, 1e-5f});
  Block out = x;
  if (alone) {
    kernels.norm(out.values.data(), out.stride, rows, columns, weight.data(), bias.data(), epsilon);
  } else {
    kernels.add_norm(out.values.data(), out.stride, y.values.data(), y.stride, rows, columns, weight.data(),
                     bias.data(), epsilon);
  }
  out.require_untouched_between();
  Doubles row(columns);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < columns; ++c) row[c] = x.at(r, c) + (alone ? 0.0 : static_cast<double>(y.at(r, c)));
    layer_norm(row.data(), columns, weight.data(), bias.data(), epsilon);
    for (int c = 0; c < columns; ++c) {
      require_close(out.at(r, c), row[c], 1e-5 * (1.0 + std::fabs(row[c])), describe("rows, columns", rows, columns));
    }
  }
}

}  // namespace squeezebert::selftest
