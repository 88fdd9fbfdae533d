// Grouped linear layers over rows of float32, in either precision.
#pragma once

#include <memory>
#include <string>

#include "arrays.h"
#include "batch.h"
#include "buffer.h"

namespace squeezebert {

enum class Precision { int8, fp32 };

// Room for the codes of a block of rows, for every group.
struct Codes {
  Buffer<char> data;
  Buffer<RowScale> scales;
  Buffer<float> smoothed;  // one row
};

// Rows that go into one or more layers. int8 layers with equal groups share the codes, and so the smoothing.
struct Rows {
  const float* values;
  std::size_t stride;
  int count;
  Codes& codes;
  int coded_groups = 0;  // groups that `codes` holds, 0 for none
};

// y = x W^T + b for each group of channels. Outputs come in whole vectors: a row of `out` must have room for
// outputs(), rounded up to whole vectors, from the start of the last group on.
class GroupedLinear {
 public:
  virtual ~GroupedLinear() = default;

  int groups() const { return groups_; }
  int inputs() const { return inputs_; }    // per group
  int outputs() const { return outputs_; }  // per group

  // All groups: rows [count, groups * inputs] -> out [count, groups * outputs].
  void forward(Rows& rows, float* out, std::size_t stride) const {
    for (int g = 0; g < groups_; ++g) forward_group(g, rows, g, groups_, out + g * outputs_, stride);
  }
  // Group `group`, whose inputs are part `part` of `parts` equal parts of the rows.
  virtual void forward_group(int group, Rows& rows, int part, int parts, float* out, std::size_t stride) const = 0;
  // Applies an activation to rows that this layer reads next, in `parts` equal parts; `values` are the same rows.
  virtual void activate(Activation kind, Rows& rows, float* values, int parts) const = 0;

  // Says whose weights are read after those of `group`, so that they can be fetched in time. Without it, the next
  // group's of the same layer are. `next` is of the same precision.
  virtual void set_next(int group, const GroupedLinear& next, int next_group) = 0;

 protected:
  GroupedLinear(int groups, int inputs, int outputs) : groups_(groups), inputs_(inputs), outputs_(outputs) {}

  const int groups_, inputs_, outputs_;
};

// Packs `name`.weight [outputs, inputs / groups] and `name`.bias [outputs] into `arena`; `inputs` and `outputs` are
// those of all groups. Where there is an array `smoothing_name` [inputs], inputs are divided by it before they become
// codes, and int8 weights are codes of what was multiplied by it. Throws std::invalid_argument where arrays are
// missing or of another shape.
std::unique_ptr<GroupedLinear> make_linear(const Kernels& kernels, Precision precision, Arena& arena,
                                           const Arrays& arrays, const std::string& name, int groups, int inputs,
                                           int outputs, const std::string& smoothing_name);

}  // namespace squeezebert
