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

// A layer with int8 weights, and rows of codes for it.
struct Int8Layer {
  int inputs, outputs;
  Coded coded;
  std::vector<std::int8_t> codes;
  std::vector<float> scales, bias;

  Int8Layer(Random& random, const Kernels& kernels)
      : inputs(random.size(1, 400)),
        outputs(random.size(1, 300)),
        coded(quantize(random, kernels, random_activations(random, inputs))),
        codes(static_cast<std::size_t>(outputs) * inputs),
        scales(normal_floats(random, outputs)),
        bias(normal_floats(random, outputs)) {
    // Small ones, too, and of one sign: what takes two or three steps at once (four or six weights in a word) has to
    // see which of their sums overflow: those beyond 258.
    const int most = random.pick<int>({127, 100, 65, 64, 44, 43, 30});
    const int least = random.pick<int>({-most, -most, most - 1});
    for (auto& code : codes) code = static_cast<std::int8_t>(random.between(least, most));
  }

  void require_results(const Kernels& kernels, const std::vector<float>& out, std::size_t stride) const {
    const std::string shape = describe("rows, inputs, outputs", coded.rows(), inputs, outputs);
    std::vector<int> row(inputs);
    for (int r = 0; r < coded.rows(); ++r) {
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
};

// A layer with float32 weights `weight_stride` apart, and rows for it.
struct Fp32Layer {
  int inputs, outputs;
  Activations x;
  std::size_t weight_stride;
  std::vector<float> weights, bias;

  Fp32Layer(Random& random, int between)
      : inputs(random.size(1, 400)),
        outputs(random.size(1, 300)),
        x(random_activations(random, inputs)),
        weight_stride(inputs + between),
        weights(normal_floats(random, extent(outputs, weight_stride, inputs))),
        bias(normal_floats(random, outputs)) {}

  void require_results(const std::vector<float>& out, std::size_t stride) const {
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
};

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
  const Int8Layer layer(random, kernels);
  const int padded = round_up_to(layer.outputs, kernels.lanes), rows = layer.coded.rows();
  std::vector<std::int8_t> panels(kernels.panel_bytes(layer.outputs, layer.inputs), 0x5a);
  kernels.pack_int8(layer.codes.data(), layer.scales.data(), layer.bias.data(), layer.outputs, layer.inputs,
                    panels.data());
  const std::size_t stride = padded + random.pick<int>({0, 0, 5});
  std::vector<float> out = unset_floats(extent(rows, stride, padded));
  kernels.linear_int8({panels.data(), layer.inputs, layer.outputs, panels.data(), layer.inputs},
                      layer.coded.bytes.data(), layer.coded.stride, layer.coded.scales.data(), rows, out.data(),
                      stride);
  layer.require_results(kernels, out, stride);
}

void test_unpacked_int8(Random& random, const Kernels& kernels) {
  const Int8Layer layer(random, kernels);
  const int rows = layer.coded.rows();
  const std::size_t stride = layer.outputs + random.pick<int>({0, 0, 5});
  std::vector<float> out = unset_floats(extent(rows, stride, layer.outputs));
  kernels.unpacked_int8({layer.codes.data(), layer.scales.data(), layer.bias.data(), layer.inputs, layer.outputs},
                        layer.coded.bytes.data(), layer.coded.stride, layer.coded.scales.data(), rows, out.data(),
                        stride);
  layer.require_results(kernels, out, stride);
}

void test_linear_fp32(Random& random, const Kernels& kernels) {
  const Fp32Layer layer(random, random.pick<int>({0, 0, 7}));
  const int padded = round_up_to(layer.outputs, kernels.lanes);
  std::vector<float> panels = unset_floats(static_cast<std::size_t>(padded) * layer.inputs), bias = layer.bias;
  bias.resize(padded, 1.0f);
  kernels.pack_fp32(layer.weights.data(), layer.weight_stride, layer.outputs, layer.inputs, panels.data());
  const std::size_t stride = padded + random.pick<int>({0, 0, 5});
  std::vector<float> out = unset_floats(extent(layer.x.rows, stride, padded));
  kernels.linear_fp32({panels.data(), bias.data(), layer.inputs, layer.outputs}, layer.x.values.data(), layer.x.stride,
                      layer.x.rows, out.data(), stride);
  layer.require_results(out, stride);
}

void test_unpacked_fp32(Random& random, const Kernels& kernels) {
  const Fp32Layer layer(random, 0);
  const std::size_t stride = layer.outputs + random.pick<int>({0, 0, 5});
  std::vector<float> out = unset_floats(extent(layer.x.rows, stride, layer.outputs));
  kernels.unpacked_fp32({layer.weights.data(), layer.bias.data(), layer.inputs, layer.outputs}, layer.x.values.data(),
                        layer.x.stride, layer.x.rows, out.data(), stride);
  layer.require_results(out, stride);
}

}  // namespace squeezebert::selftest
