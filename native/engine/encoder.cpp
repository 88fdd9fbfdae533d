#include "encoder.h"

#include <algorithm>
#include <cmath>

namespace squeezebert {

namespace {

// The public implementation ignores the config here: the norms inside the blocks always use this epsilon.
constexpr float block_norm_epsilon = 1e-12f;

struct Norm {
  std::vector<float> weight, bias;

  Norm(const Arrays& arrays, const std::string& name, int size)
      : weight(arrays.floats(name + ".weight", {static_cast<std::size_t>(size)})),
        bias(arrays.floats(name + ".bias", {static_cast<std::size_t>(size)})) {}
};

}  // namespace

struct Encoder::Layer {
  std::unique_ptr<GroupedLinear> query, key, value, post_attention, intermediate, output;
  Norm attention_norm, output_norm;
  const int number;

  // Group g of `intermediate` feeds only group g of `output` where their numbers are equal: then one group at a
  // time goes all the way, and its activations stay in the second-level cache.
  bool fuses_feed_forward() const { return intermediate->groups() == output->groups(); }
  // Says that `next` is computed after `layer`.
  static void lead(GroupedLinear& layer, const GroupedLinear& next) { layer.set_next(layer.groups() - 1, next, 0); }

  Layer(const Kernels& kernels, Precision precision, const Config& c, Arena& arena, const Arrays& arrays, int l)
      : Layer(kernels, precision, c, arena, arrays, l, "transformer.encoder.layers." + std::to_string(l) + ".") {}

 private:
  // Cold as what else is done once: compiled for size.
  [[gnu::cold]] Layer(const Kernels& kernels, Precision precision, const Config& c, Arena& arena, const Arrays& arrays,
                      int l, const std::string& name)
      : attention_norm(arrays, name + "post_attention.layernorm", c.hidden_size),
        output_norm(arrays, name + "output.layernorm", c.hidden_size),
        number(l) {
    const auto linear = [&](const std::string& part, int groups, int inputs, int outputs,
                            const std::string& smoothing = "") {
      return make_linear(kernels, precision, arena, arrays, name + part, groups, inputs, outputs, smoothing);
    };
    const std::string attention = name + "attention.smoothing", inner = name + "intermediate.smoothing";
    query = linear("attention.query", c.q_groups, c.hidden_size, c.hidden_size, attention);
    key = linear("attention.key", c.k_groups, c.hidden_size, c.hidden_size, attention);
    value = linear("attention.value", c.v_groups, c.hidden_size, c.hidden_size, attention);
    post_attention = linear("post_attention.conv1d", c.post_attention_groups, c.hidden_size, c.hidden_size);
    intermediate = linear("intermediate.conv1d", c.intermediate_groups, c.hidden_size, c.intermediate_size, inner);
    output = linear("output.conv1d", c.output_groups, c.intermediate_size, c.hidden_size);
    lead(*query, *key);
    lead(*key, *value);
    lead(*value, *post_attention);
    lead(*post_attention, *intermediate);
    lead(*intermediate, *output);
    if (fuses_feed_forward()) {
      for (int g = 0; g < output->groups(); ++g) {
        intermediate->set_next(g, *output, g);
        output->set_next(g, *intermediate, (g + 1) % output->groups());
      }
    }
  }
};

[[gnu::cold]] Encoder::Encoder(const Kernels& kernels, Precision precision, const Config& config,
                                const Arrays& arrays)
    : kernels_(kernels),
      precision_(precision),
      config_(config),
      // One vector more than the row, for layers that write whole vectors.
      stride_(round_up(config.hidden_size, kernels.lanes) + kernels.lanes),
      inner_stride_(round_up(config.intermediate_size, kernels.lanes) + kernels.lanes),
      words_(arrays.get("transformer.embeddings.word_embeddings.weight",
                        {static_cast<std::size_t>(config.vocab_size), static_cast<std::size_t>(config.hidden_size)})) {
  const std::size_t hidden = config.hidden_size;
  const std::string name = "transformer.embeddings.";
  positions_ = arrays.floats(name + "position_embeddings.weight",
                             {static_cast<std::size_t>(config.max_position_embeddings), hidden});
  segments_ = arrays.floats(name + "token_type_embeddings.weight",
                            {static_cast<std::size_t>(config.type_vocab_size), hidden});
  norm_weight_ = arrays.floats(name + "LayerNorm.weight", {hidden});
  norm_bias_ = arrays.floats(name + "LayerNorm.bias", {hidden});
  for (int i = 0; i < config.num_hidden_layers; ++i) {
    layers_.emplace_back(kernels, precision, config, arena_, arrays, i);
    if (i > 0) Layer::lead(*layers_[i - 1].output, *layers_[i].query);
  }
}

Encoder::~Encoder() = default;

std::unique_ptr<Workspace> Encoder::make_workspace(int threads) const {
  auto workspace = std::make_unique<Workspace>(threads);
  for (auto& attention : workspace->attention) {
    attention = make_attention(kernels_, precision_, {config_.num_attention_heads, config_.head_size()});
  }
  for (Workspace::Scratch& scratch : workspace->scratch) {
    const int rows = most_block_rows(threads, kernels_.block_rows, kernels_.row_unit);
    scratch.projected = scratch.arena.allocate<float>(rows * stride_);
    scratch.inner = scratch.arena.allocate<float>(rows * std::max(stride_, inner_stride_));
  }
  return workspace;
}

void Encoder::run(const Batch& batch, const std::vector<std::int32_t>& needed, Workspace& workspace,
                  Pool& pool) const {
  workspace.blocks = divide(batch, workspace.balance.shares(), kernels_.block_rows, kernels_.row_unit);
  workspace.hidden.resize(batch.rows() * stride_);
  for (auto& attention : workspace.attention) attention->resize(batch);
  for (Workspace::Scratch& scratch : workspace.scratch) {
    scratch.watch.reset();
    scratch.rows = 0;
  }
  const int blocks = static_cast<int>(workspace.blocks.size());
  float* hidden = workspace.hidden.data();
  // Those that compute all rows; of the last one, the others compute keys and values alone.
  const std::size_t layers = layers_.size() - (needed.empty() ? 0 : 1);
  const auto project_into = [&](std::size_t l, const Block& block, Workspace::Scratch& scratch) {
    if (l < layers_.size()) project(layers_[l], block, hidden, l < layers, scratch, *workspace.attention[l % 2]);
  };
  pool.for_each(blocks, [&](int i, int thread) {
    const Block& block = workspace.blocks[i];
    Workspace::Scratch& scratch = workspace.scratch[thread];
    scratch.watch.restart();
    embed(batch, block, workspace);
    scratch.watch.lap(Stage::elementwise);
    project_into(0, block, scratch);
  });
  for (std::size_t l = 0; l < layers; ++l) {
    pool.for_each(blocks, [&](int i, int thread) {
      const Block& block = workspace.blocks[i];
      Workspace::Scratch& scratch = workspace.scratch[thread];
      scratch.watch.restart();
      scratch.rows += block.rows;
      finish(layers_[l], block, hidden, scratch, *workspace.attention[l % 2]);
      project_into(l + 1, block, scratch);
    });
  }
  std::vector<Work> done;
  for (const Workspace::Scratch& scratch : workspace.scratch) done.push_back({scratch.rows, scratch.watch.total()});
  workspace.balance.learn(done);
  if (!needed.empty()) finish_needed(batch, needed, workspace, pool);
}

// The last layer, of some rows: they are brought together, and back to where they were.
void Encoder::finish_needed(const Batch& batch, const std::vector<std::int32_t>& needed, Workspace& workspace,
                            Pool& pool) const {
  const Layer& layer = layers_.back();
  Attention& attention = *workspace.attention[layer.number % 2];
  std::vector<std::int32_t> starts(batch.texts + 1);
  for (int text = 0; text <= batch.texts; ++text) {
    starts[text] = std::lower_bound(needed.begin(), needed.end(), batch.starts[text]) - needed.begin();
  }
  const Batch together{nullptr, nullptr, nullptr, starts.data(), batch.texts};
  const std::vector<Block> blocks =
      divide(together, workspace.balance.shares(), kernels_.block_rows, kernels_.row_unit);
  workspace.needed.resize(needed.size() * stride_);
  float *all = workspace.hidden.data(), *some = workspace.needed.data();
  pool.for_each(static_cast<int>(blocks.size()), [&](int i, int thread) {
    const Block& block = blocks[i];
    Workspace::Scratch& scratch = workspace.scratch[thread];
    scratch.watch.restart();
    for (int r = block.row; r < block.row + block.rows; ++r) {
      std::copy_n(all + needed[r] * stride_, stride_, some + r * stride_);
    }
    Rows rows{some + block.row * stride_, stride_, block.rows, scratch.codes};
    project_queries(layer, block, rows, scratch, attention);
    finish(layer, block, some, scratch, attention);
    for (int r = block.row; r < block.row + block.rows; ++r) {
      std::copy_n(some + r * stride_, stride_, all + needed[r] * stride_);
    }
  });
}

[[gnu::cold]] Buffer<float> Encoder::magnitudes(const Batch& batch, Workspace& workspace, Pool& pool) const {
  const std::size_t size = 2 * layers_.size() * config_.hidden_size, threads = workspace.scratch.size();
  Buffer<float> most(threads * size);
  for (std::size_t t = 0; t < threads; ++t) workspace.scratch[t].magnitudes = most.data() + t * size;
  run(batch, {}, workspace, pool);
  for (Workspace::Scratch& scratch : workspace.scratch) scratch.magnitudes = nullptr;
  for (std::size_t i = size; i < threads * size; ++i) most[i % size] = std::max(most[i % size], most[i]);
  return most;
}

[[gnu::cold, gnu::noinline]] void Encoder::note_magnitudes(Reader reader, const Layer& layer, const Rows& rows,
                                                           Workspace::Scratch& scratch) const {
  const std::size_t hidden = config_.hidden_size;
  float* most = scratch.magnitudes + (2 * layer.number + static_cast<int>(reader)) * hidden;
  for (int r = 0; r < rows.count; ++r) {
    for (std::size_t c = 0; c < hidden; ++c) most[c] = std::max(most[c], std::abs(rows.values[r * rows.stride + c]));
  }
}

void Encoder::embed(const Batch& batch, const Block& block, Workspace& workspace) const {
  const int hidden = config_.hidden_size;
  float* rows = workspace.hidden.data() + block.row * stride_;
  for (int r = 0; r < block.rows; ++r) {
    float* x = rows + r * stride_;
    const int row = block.row + r;
    words_.read_row(batch.input_ids[row], x);
    const float* position = positions_.data() + static_cast<std::size_t>(batch.position_ids[row]) * hidden;
    const float* segment = segments_.data() + static_cast<std::size_t>(batch.token_type_ids[row]) * hidden;
    for (int c = 0; c < hidden; ++c) x[c] += position[c] + segment[c];
  }
  kernels_.norm(rows, stride_, block.rows, hidden, norm_weight_.data(), norm_bias_.data(), config_.layer_norm_eps);
}

void Encoder::project(const Layer& layer, const Block& block, float* hidden, bool queries,
                      Workspace::Scratch& scratch, Attention& attention) const {
  Rows rows{hidden + block.row * stride_, stride_, block.rows, scratch.codes};
  float* projected = scratch.projected;
  if (scratch.magnitudes) note_magnitudes(Reader::attention, layer, rows, scratch);
  if (queries) project_queries(layer, block, rows, scratch, attention);
  layer.key->forward(rows, projected, stride_);
  scratch.watch.lap(Stage::linear);
  attention.put_keys(block, projected, stride_);
  scratch.watch.lap(Stage::attention);
  layer.value->forward(rows, projected, stride_);
  scratch.watch.lap(Stage::linear);
  attention.put_values(block, projected, stride_);
  scratch.watch.lap(Stage::attention);
}

void Encoder::project_queries(const Layer& layer, const Block& block, Rows& rows, Workspace::Scratch& scratch,
                              Attention& attention) const {
  layer.query->forward(rows, scratch.projected, stride_);
  scratch.watch.lap(Stage::linear);
  attention.put_queries(block, scratch.projected, stride_);
  scratch.watch.lap(Stage::attention);
}

void Encoder::finish(const Layer& layer, const Block& block, float* hidden, Workspace::Scratch& scratch,
                     Attention& attention) const {
  float* x = hidden + block.row * stride_;
  float *branch = scratch.projected, *context = scratch.inner;
  const auto add_norm = [&](const Norm& norm) {
    kernels_.add_norm(x, stride_, branch, stride_, block.rows, config_.hidden_size, norm.weight.data(),
                      norm.bias.data(), block_norm_epsilon);
  };
  attention.attend(block, context, stride_);
  scratch.watch.lap(Stage::attention);
  Rows attended{context, stride_, block.rows, scratch.codes};
  layer.post_attention->forward(attended, branch, stride_);
  scratch.watch.lap(Stage::linear);
  add_norm(layer.attention_norm);
  scratch.watch.lap(Stage::elementwise);
  Rows rows{x, stride_, block.rows, scratch.codes};
  if (scratch.magnitudes) note_magnitudes(Reader::feed_forward, layer, rows, scratch);
  feed_forward(layer, rows, scratch);
  add_norm(layer.output_norm);
  scratch.watch.lap(Stage::elementwise);
}

void Encoder::feed_forward(const Layer& layer, Rows& rows, Workspace::Scratch& scratch) const {
  const GroupedLinear &first = *layer.intermediate, &second = *layer.output;
  const bool fused = layer.fuses_feed_forward();
  const int parts = fused ? first.groups() : 1;
  const int columns = config_.intermediate_size / parts;
  const std::size_t stride = round_up(columns, kernels_.lanes) + kernels_.lanes;
  float *inner = scratch.inner, *out = scratch.projected;
  for (int part = 0; part < parts; ++part) {
    fused ? first.forward_group(part, rows, part, parts, inner, stride) : first.forward(rows, inner, stride);
    Rows activated{inner, stride, rows.count, scratch.inner_codes};
    scratch.watch.lap(Stage::linear);
    second.activate(config_.activation, activated, inner, fused ? 1 : second.groups());
    scratch.watch.lap(Stage::elementwise);
    fused ? second.forward_group(part, activated, 0, 1, out + part * second.outputs(), stride_)
          : second.forward(activated, out, stride_);
    scratch.watch.lap(Stage::linear);
  }
}

}  // namespace squeezebert
