#include "linear.h"

#include <algorithm>
#include <stdexcept>

#include "../quantize.h"

namespace squeezebert {

namespace {

// Channels of all groups in, channels of all groups out, as the config counts them.
struct Sizes {
  int groups, inputs, outputs;
};

const float* padded_bias(Arena& arena, const Arrays& arrays, const std::string& name, const Sizes& s,
                         std::size_t padded) {
  const std::vector<float> bias = arrays.floats(name + ".bias", {static_cast<std::size_t>(s.groups) * s.outputs});
  auto* result = arena.allocate<float>(s.groups * padded);
  for (int g = 0; g < s.groups; ++g) std::copy_n(bias.data() + g * s.outputs, s.outputs, result + g * padded);
  return result;
}

// By what each input is divided, and its weights multiplied, before both become codes; empty where nothing is smoothed.
std::vector<float> smoothing_of(const Arrays& arrays, const std::string& name, const Sizes& s) {
  if (name.empty() || !arrays.has(name)) return {};
  std::vector<float> smoothing = arrays.floats(name, {static_cast<std::size_t>(s.groups) * s.inputs});
  for (const float factor : smoothing) {
    if (!(factor > 0)) throw std::invalid_argument(name + " holds a factor that is not positive");
  }
  return smoothing;
}

class Int8Linear final : public GroupedLinear {
 public:
  Int8Linear(const Kernels& kernels, Arena& arena, const Arrays& arrays, const std::string& name, const Sizes& s,
             const std::vector<float>& smoothing)
      : GroupedLinear(s.groups, s.inputs, s.outputs),
        kernels_(kernels),
        panel_bytes_(kernels.panel_bytes(s.outputs, s.inputs)),
        row_codes_(round_up(s.inputs, 4 * kernels.lanes)),
        panels_(arena.allocate<std::int8_t>(s.groups * panel_bytes_)),
        next_(s.groups),
        shrinking_(smoothing) {
    for (int g = 0; g < s.groups; ++g) Int8Linear::set_next(g, *this, (g + 1) % s.groups);
    for (float& factor : shrinking_) factor = 1.0f / factor;
    const std::size_t rows = static_cast<std::size_t>(s.groups) * s.outputs;
    const Array& weight = arrays.get(name + ".weight", {rows, static_cast<std::size_t>(s.inputs)});
    const std::vector<float> bias = arrays.floats(name + ".bias", {rows});
    std::vector<float> scales(s.outputs);
    std::vector<std::int8_t> codes(static_cast<std::size_t>(s.outputs) * s.inputs);
    std::vector<float> row(s.inputs);
    for (int g = 0; g < s.groups; ++g) {
      const std::int8_t* group_codes = codes.data();
      const std::size_t first = static_cast<std::size_t>(g) * s.outputs;
      if (weight.type == Type::int8) {
        group_codes = static_cast<const std::int8_t*>(weight.data) + first * s.inputs;
        std::copy_n(weight.scales + first, s.outputs, scales.data());
      } else {
        for (int i = 0; i < s.outputs; ++i) {
          weight.read_row(first + i, row.data());
          for (int c = 0; c < s.inputs && !smoothing.empty(); ++c) row[c] *= smoothing[g * s.inputs + c];
          quantize_rows(row.data(), 1, s.inputs, codes.data() + static_cast<std::size_t>(i) * s.inputs,
                        scales.data() + i);
        }
      }
      kernels.pack_int8(group_codes, scales.data(), bias.data() + first, s.outputs, s.inputs,
                        panels_ + g * panel_bytes_);
    }
  }

  void forward_group(int group, Rows& rows, int part, int parts, float* out, std::size_t stride) const override {
    if (rows.coded_groups != parts) quantize(rows, parts);
    const Next& next = next_[group];
    const Int8Weights weights{panels(group), inputs_, outputs_, next.panels, next.inputs};
    kernels_.linear_int8(weights, codes_of(rows, part), row_codes_, scales_of(rows, part), rows.count, out, stride);
  }

  void activate(Activation kind, Rows& rows, float* values, int parts) const override {
    make_room(rows, parts);
    for (int p = 0; p < parts; ++p) {
      kernels_.activate_and_quantize(kind, values + static_cast<std::size_t>(p) * inputs_, rows.stride, rows.count,
                                     inputs_, codes_of(rows, p), row_codes_, scales_of(rows, p));
    }
    rows.coded_groups = parts;
  }

  void set_next(int group, const GroupedLinear& next, int next_group) override {
    next_[group] = {static_cast<const Int8Linear&>(next).panels(next_group), next.inputs()};
  }

 private:
  struct Next {
    const std::int8_t* panels;
    int inputs;
  };

  const std::int8_t* panels(int group) const { return panels_ + group * panel_bytes_; }

  // Codes are stored [part, row, input].
  char* codes_of(Rows& rows, int part) const {
    return rows.codes.data.data() + part * rows.count * row_codes_ * kernels_.code_bytes;
  }
  RowScale* scales_of(Rows& rows, int part) const { return rows.codes.scales.data() + part * rows.count; }

  void make_room(Rows& rows, int parts) const {
    rows.codes.data.resize(parts * rows.count * row_codes_ * kernels_.code_bytes);
    rows.codes.scales.resize(static_cast<std::size_t>(parts) * rows.count);
  }

  void quantize(Rows& rows, int parts) const {
    make_room(rows, parts);
    for (int p = 0; p < parts; ++p) {
      const float* values = rows.values + static_cast<std::size_t>(p) * inputs_;
      if (shrinking_.empty()) {
        kernels_.quantize(values, rows.stride, rows.count, inputs_, codes_of(rows, p), row_codes_, scales_of(rows, p));
      } else {
        quantize_smoothed(values, rows, p);
      }
    }
    rows.coded_groups = parts;
  }

  // A row at a time, which stays in the first-level cache.
  void quantize_smoothed(const float* values, Rows& rows, int part) const {
    const float* shrinking = shrinking_.data() + static_cast<std::size_t>(part) * inputs_;
    rows.codes.smoothed.resize(inputs_);
    float* smoothed = rows.codes.smoothed.data();
    for (int r = 0; r < rows.count; ++r, values += rows.stride) {
      for (int c = 0; c < inputs_; ++c) smoothed[c] = values[c] * shrinking[c];
      kernels_.quantize(smoothed, inputs_, 1, inputs_, codes_of(rows, part) + r * row_codes_ * kernels_.code_bytes,
                        row_codes_, scales_of(rows, part) + r);
    }
  }

  const Kernels& kernels_;
  const std::size_t panel_bytes_, row_codes_;
  std::int8_t* const panels_;
  std::vector<Next> next_;  // of each group
  std::vector<float> shrinking_;  // what inputs are multiplied by, empty for nothing
};

class Fp32Linear final : public GroupedLinear {
 public:
  Fp32Linear(const Kernels& kernels, Arena& arena, const Arrays& arrays, const std::string& name, const Sizes& s,
             const std::vector<float>& smoothing)
      : GroupedLinear(s.groups, s.inputs, s.outputs),
        kernels_(kernels),
        padded_(round_up(s.outputs, kernels.lanes)),
        panel_size_(s.inputs * padded_),
        panels_(arena.allocate<float>(s.groups * panel_size_)),
        bias_(padded_bias(arena, arrays, name, s, padded_)) {
    const std::size_t rows = static_cast<std::size_t>(s.groups) * s.outputs;
    const Array& weight = arrays.get(name + ".weight", {rows, static_cast<std::size_t>(s.inputs)});
    std::vector<float> group_weights(static_cast<std::size_t>(s.outputs) * s.inputs);
    for (int g = 0; g < s.groups; ++g) {
      for (int i = 0; i < s.outputs; ++i) {
        float* row = group_weights.data() + static_cast<std::size_t>(i) * s.inputs;
        weight.read_row(static_cast<std::size_t>(g) * s.outputs + i, row);
        if (weight.type != Type::int8 || smoothing.empty()) continue;
        for (int c = 0; c < s.inputs; ++c) row[c] /= smoothing[g * s.inputs + c];
      }
      kernels.pack_fp32(group_weights.data(), s.inputs, s.outputs, s.inputs, panels_ + g * panel_size_);
    }
  }

  void forward_group(int group, Rows& rows, int part, int, float* out, std::size_t stride) const override {
    const Fp32Weights weights{panels_ + group * panel_size_, bias_ + group * padded_, inputs_, outputs_};
    kernels_.linear_fp32(weights, rows.values + static_cast<std::size_t>(part) * inputs_, rows.stride, rows.count, out,
                         stride);
  }

  void activate(Activation kind, Rows& rows, float* values, int parts) const override {
    kernels_.activate(kind, values, rows.stride, rows.count, inputs_ * parts);
  }

  void set_next(int, const GroupedLinear&, int) override {}

 private:
  const Kernels& kernels_;
  const std::size_t padded_, panel_size_;
  float* const panels_;
  const float* const bias_;
};

}  // namespace

std::unique_ptr<GroupedLinear> make_linear(const Kernels& kernels, Precision precision, Arena& arena,
                                           const Arrays& arrays, const std::string& name, int groups, int inputs,
                                           int outputs, const std::string& smoothing_name) {
  const Sizes sizes{groups, inputs / groups, outputs / groups};
  const std::vector<float> smoothing = smoothing_of(arrays, smoothing_name, sizes);
  if (precision == Precision::int8) return std::make_unique<Int8Linear>(kernels, arena, arrays, name, sizes, smoothing);
  return std::make_unique<Fp32Linear>(kernels, arena, arrays, name, sizes, smoothing);
}

}  // namespace squeezebert
