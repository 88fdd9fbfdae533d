// The forward pass of a network, one text at a time, in double precision.
#include <algorithm>

#include "network.h"

namespace squeezebert::selftest {

namespace {

// Rows [count, columns].
struct Matrix {
  int count, columns;
  Doubles values;

  Matrix(int rows, int size) : count(rows), columns(size), values(static_cast<std::size_t>(rows) * size) {}
  double* row(int r) { return values.data() + static_cast<std::size_t>(r) * columns; }
  const double* row(int r) const { return values.data() + static_cast<std::size_t>(r) * columns; }
};

class Forward {
 public:
  explicit Forward(const Network& network) : c_(network.config), w_(network.weights) {}

  Matrix linear(const std::string& name, int groups, const Matrix& x, int outputs) const {
    const std::vector<float>&weight = w_[name + ".weight"], &bias = w_[name + ".bias"];
    const int group_inputs = x.columns / groups, group_outputs = outputs / groups;
    Matrix y(x.count, outputs);
    for (int r = 0; r < x.count; ++r) {
      for (int o = 0; o < outputs; ++o) {
        const double* part = x.row(r) + o / group_outputs * group_inputs;
        double sum = bias[o];
        for (int i = 0; i < group_inputs; ++i) sum += part[i] * weight[static_cast<std::size_t>(o) * group_inputs + i];
        y.row(r)[o] = sum;
      }
    }
    return y;
  }

  void norm(const std::string& name, double epsilon, Matrix& x) const {
    const std::vector<float>&weight = w_[name + ".weight"], &bias = w_[name + ".bias"];
    for (int r = 0; r < x.count; ++r) layer_norm(x.row(r), x.columns, weight.data(), bias.data(), epsilon);
  }

  void activate(Matrix& x) const {
    for (double& value : x.values) value = activation(c_.activation, value);
  }

  Matrix last_hidden_state(const Texts& texts, int text) const {
    Matrix x = embed(texts, text);
    for (int layer = 0; layer < c_.num_hidden_layers; ++layer) {
      block("transformer.encoder.layers." + std::to_string(layer) + ".", x);
    }
    return x;
  }

  Matrix pooled(const Matrix& states) const {
    Matrix first(1, states.columns);
    std::copy_n(states.row(0), states.columns, first.row(0));
    Matrix y = linear("transformer.pooler.dense", 1, first, states.columns);
    for (double& value : y.values) value = std::tanh(value);
    return y;
  }

  Matrix vocabulary(const Matrix& states) const {
    Matrix x = linear("cls.predictions.transform.dense", 1, states, states.columns);
    activate(x);
    norm("cls.predictions.transform.LayerNorm", c_.layer_norm_eps, x);
    const std::vector<float>&words = w_["transformer.embeddings.word_embeddings.weight"],
                            &bias = w_["cls.predictions.bias"];
    Matrix y(x.count, c_.vocab_size);
    for (int r = 0; r < x.count; ++r) {
      for (int word = 0; word < c_.vocab_size; ++word) {
        double sum = bias[word];
        for (int i = 0; i < x.columns; ++i) sum += x.row(r)[i] * words[static_cast<std::size_t>(word) * x.columns + i];
        y.row(r)[word] = sum;
      }
    }
    return y;
  }

 private:
  Matrix embed(const Texts& texts, int text) const {
    const std::string name = "transformer.embeddings.";
    const std::vector<float>&words = w_[name + "word_embeddings.weight"],
                            &positions = w_[name + "position_embeddings.weight"],
                            &segments = w_[name + "token_type_embeddings.weight"];
    const std::size_t hidden = c_.hidden_size;
    Matrix x(texts.length(text), c_.hidden_size);
    for (int r = 0; r < x.count; ++r) {
      const int row = texts.starts[text] + r;
      for (std::size_t i = 0; i < hidden; ++i) {
        x.row(r)[i] = static_cast<double>(words[texts.ids[row] * hidden + i]) +
                      positions[texts.positions[row] * hidden + i] + segments[texts.segments[row] * hidden + i];
      }
    }
    norm(name + "LayerNorm", c_.layer_norm_eps, x);
    return x;
  }

  void block(const std::string& name, Matrix& x) const {
    constexpr double epsilon = 1e-12;
    const int hidden = c_.hidden_size;
    const Matrix context = attention(name + "attention.", x);
    add(x, linear(name + "post_attention.conv1d", c_.post_attention_groups, context, hidden));
    norm(name + "post_attention.layernorm", epsilon, x);
    Matrix inner = linear(name + "intermediate.conv1d", c_.intermediate_groups, x, c_.intermediate_size);
    activate(inner);
    add(x, linear(name + "output.conv1d", c_.output_groups, inner, hidden));
    norm(name + "output.layernorm", epsilon, x);
  }

  Matrix attention(const std::string& name, const Matrix& x) const {
    const int hidden = c_.hidden_size, size = c_.head_size();
    const Matrix q = linear(name + "query", c_.q_groups, x, hidden), k = linear(name + "key", c_.k_groups, x, hidden),
                 v = linear(name + "value", c_.v_groups, x, hidden);
    Matrix context(x.count, hidden);
    double total;
    for (int r = 0; r < x.count; ++r) {
      for (int first = 0; first < hidden; first += size) {
        const Doubles part =
            attend(q.row(r) + first, k.row(0) + first, v.row(0) + first, x.count, hidden, size, total);
        std::copy(part.begin(), part.end(), context.row(r) + first);
      }
    }
    return context;
  }

  static void add(Matrix& x, const Matrix& y) {
    for (std::size_t i = 0; i < x.values.size(); ++i) x.values[i] += y.values[i];
  }

  const Config& c_;
  const Weights& w_;
};

}  // namespace

std::vector<Doubles> forward(const Network& network, const Texts& texts, int text) {
  const Forward f(network);
  const Matrix states = f.last_hidden_state(texts, text);
  switch (network.head) {
    case Head::none:
      if (!network.has_pooler) return {states.values};
      return {states.values, f.pooled(states).values};
    case Head::pooled: return {f.linear("classifier", 1, f.pooled(states), network.labels).values};
    case Head::tokens: return {f.linear("qa_outputs", 1, states, network.labels).values};
    case Head::vocabulary: return {f.vocabulary(states).values};
  }
  return {};
}

}  // namespace squeezebert::selftest
