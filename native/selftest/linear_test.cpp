#include "coded.h"
#include "tests.h"

namespace squeezebert::selftest {

namespace {

// Activations of one layer: some rows are zero or tiny, and rows differ in size, as a scale for each is meant for.
struct Activations {
  int rows, columns;
  std::size_t stride;
  std::vector<float> values;

  const float* row(int r) const { return values.data() + r * stride; }
};

Activations random_activations(Random& random, int columns) {
  Activations x{random.size(1, 68), columns, 0, {}};
  x.stride = columns + random.pick<int>({0, 0, 1, 3, 16});
  x.values = unset_floats(extent(x.rows, x.stride, columns));
  for (int r = 0; r < x.rows; ++r) {
    const float size = random.one_in(8) ? random.pick<float>({0.0f, 1e-38f, 1e-30f}) : std::exp(random.normal());
    const bool is_extreme = random.one_in(4);
    for (int c = 0; c < columns; ++c) {
      const float value = size * random.normal();
      x.values[r * x.stride + c] = is_extreme ? std::copysign(size, value + 2 * size) : value;
    }
  }
  return x;
}

Coded quantize(Random& random, const Kernels& kernels, const Activations& x) {
  Coded coded(kernels, x.rows, x.columns, random_code_stride(random, kernels, x.columns));
  kernels.quantize(x.values.data(), x.stride, x.rows, x.columns, coded.bytes.data(), coded.stride,
                   coded.scales.data());
  return coded;
}

}  // namespace

void test_quantize(Random& random, const Kernels& kernels) {
  const Activations x = random_activations(random, random.size(1, 800));
  const Coded coded = quantize(random, kernels, x);
  for (int r = 0; r < x.rows; ++r) {
    require_codes(kernels, coded, r, std::vector<double>(x.row(r), x.row(r) + x.columns), 0.0,
                  describe("rows, columns", x.rows, x.columns));
  }
}

void test_linear_int8(Random& random, const Kernels& kernels) {
  const int inputs = random.size(1, 400), outputs = random.size(1, 300);
  const Activations x = random_activations(random, inputs);
  const Coded coded = quantize(random, kernels, x);
  const int padded = round_up_to(outputs, kernels.lanes);
  std::vector<std::int8_t> codes(outputs * inputs);
  // Small ones, too, and of one sign: what takes steps in pairs has to see which sums of theirs would overflow.
  const int most = random.pick<int>({127, 100, 64, 65, 30}), least = random.pick<int>({-most, -most, most - 1});
  for (auto& code : codes) code = static_cast<std::int8_t>(random.between(least, most));
  std::vector<std::int8_t> panels(kernels.panel_bytes(outputs, inputs), 0x5a);
  std::vector<std::int32_t> starts(padded, 0x5a5a);
  std::vector<float> scales = normal_floats(random, padded), bias = normal_floats(random, padded);
  std::vector<float> totals = unset_floats(padded);
  kernels.pack_int8(codes.data(), scales.data(), outputs, inputs, panels.data(), totals.data(), starts.data());
  const std::size_t stride = padded + random.pick<int>({0, 0, 5});
  std::vector<float> out = unset_floats(extent(x.rows, stride, padded));
  kernels.linear_int8({panels.data(), scales.data(), totals.data(), bias.data(), starts.data(), inputs, outputs},
                      coded.bytes.data(), coded.stride, coded.scales.data(), x.rows, out.data(), stride);
  const std::string shape = describe("rows, inputs, outputs", x.rows, inputs, outputs);
  std::vector<int> row(inputs);
  for (int r = 0; r < x.rows; ++r) {
    for (int i = 0; i < inputs; ++i) row[i] = code_at(kernels, coded, r * coded.stride + i);
    for (int o = 0; o < outputs; ++o) {
      std::int64_t sum = 0, total = 0;
      for (int i = 0; i < inputs; ++i) {
        sum += row[i] * codes[o * inputs + i];
        total += codes[o * inputs + i];
      }
      const auto [scale, centre] = coded.scales[r];
      const double product = static_cast<double>(sum) * scale * scales[o];
      const double around = static_cast<double>(total) * centre * scales[o] + bias[o];
      require_close(out[r * stride + o], product + around,
                    1e-6 * (std::fabs(product) + std::fabs(around) + std::fabs(bias[o])), shape);
    }
  }
}

void test_linear_fp32(Random& random, const Kernels& kernels) {
  const int inputs = random.size(1, 400), outputs = random.size(1, 300);
  const Activations x = random_activations(random, inputs);
  const int padded = round_up_to(outputs, kernels.lanes);
  const std::size_t weight_stride = inputs + random.pick<int>({0, 0, 7});
  const std::vector<float> weights = normal_floats(random, extent(outputs, weight_stride, inputs));
  std::vector<float> panels = unset_floats(static_cast<std::size_t>(padded) * inputs);
  kernels.pack_fp32(weights.data(), weight_stride, outputs, inputs, panels.data());
  const std::vector<float> bias = normal_floats(random, padded);
  const std::size_t stride = padded + random.pick<int>({0, 0, 5});
  std::vector<float> out = unset_floats(extent(x.rows, stride, padded));
  kernels.linear_fp32({panels.data(), bias.data(), inputs, outputs}, x.values.data(), x.stride, x.rows, out.data(),
                      stride);
  for (int r = 0; r < x.rows; ++r) {
    for (int o = 0; o < outputs; ++o) {
      double sum = bias[o], magnitude = std::fabs(bias[o]);
      for (int i = 0; i < inputs; ++i) {
        const double product = static_cast<double>(x.row(r)[i]) * weights[o * weight_stride + i];
        sum += product;
        magnitude += std::fabs(product);
      }
      require_close(out[r * stride + o], sum, 3e-6 * magnitude,
                    describe("rows, inputs, outputs", x.rows, inputs, outputs));
    }
  }
}

}  // namespace squeezebert::selftest
