//===- KernelCases.cpp - Operations as kernels meet them ------------------===//

#include "test/Execute/KernelCases.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"

using namespace fleet::test;

using Shape = llvm::SmallVector<int64_t>;
static constexpr int64_t B = mlir::ShapedType::kDynamic;
static const char *const kFloats[] = {"f32", "f64"};
static const char *const kNumbers[] = {"f32", "f64", "i32", "i64"};
static const char *const kAll[] = {"f32", "f64", "i1", "i32", "i64"};

static std::string tensor(llvm::ArrayRef<int64_t> shape,
                          const std::string &element) {
  std::string text = "tensor<";
  for (int64_t extent : shape)
    text += (extent == B ? "?" : std::to_string(extent)) + "x";
  return text + element + ">";
}

/// `dims` = [0, 1].
static std::string list(const char *name, llvm::ArrayRef<int64_t> dims) {
  std::string text = std::string(" ") + name + " = [";
  for (size_t i = 0; i < dims.size(); ++i)
    text += (i ? ", " : "") + std::to_string(dims[i]);
  return text + "]";
}

static Shape broadcast(llvm::ArrayRef<int64_t> a, llvm::ArrayRef<int64_t> b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (llvm::ArrayRef<int64_t> shape : {a, b})
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] != 1)
        result[result.size() - shape.size() + d] = shape[d];
  return result;
}

/// "OP %a, %b : (TYPES) -> RESULT"
static GradientCase call(const std::string &op, std::vector<std::string> types,
                         const std::string &result) {
  GradientCase test;
  std::string operands, list;
  for (size_t i = 0; i < types.size(); ++i) {
    operands += (i ? ", %" : " %") + std::string(1, 'a' + i);
    list += (i ? ", " : "") + types[i];
  }
  // What follows the operands, such as transpose_a, comes after a bar.
  size_t bar = op.find('|');
  test.op = op.substr(0, bar) + operands +
            (bar == std::string::npos ? "" : " " + op.substr(bar + 1)) +
            " : (" + list + ") -> " + result;
  test.types = std::move(types);
  return test;
}

static GradientCase unary(const std::string &op, const std::string &type,
                          double low = -1.5, double high = 1.5) {
  return {op + " %a : " + type, {type}, low, high};
}

std::vector<GradientCase>(::fleet::test::getElementwiseCases)() {
  std::vector<GradientCase> cases;
  auto binary = [&](const std::string &op, llvm::ArrayRef<int64_t> a,
                    llvm::ArrayRef<int64_t> b, const std::string &element,
                    const std::string &result) {
    cases.push_back(call(op, {tensor(a, element), tensor(b, element)},
                         tensor(broadcast(a, b), result)));
    cases.back().lowInteger = -2;
    cases.back().numIntegers = 5;
  };
  const char *const predicates[] = {"eq", "ne", "lt", "le", "gt", "ge"};
  for (const char *element : kNumbers) {
    for (const char *op :
         {"nn.add", "nn.sub", "nn.mul", "nn.maximum", "nn.minimum"}) {
      binary(op, {B, 3}, {3}, element, element);
      binary(op, {B}, {B}, element, element);
    }
    binary("nn.div", {B, 3}, {B, 1}, element, element);
    cases.back().lowInteger = 1;
    for (const char *predicate : predicates)
      binary(std::string("nn.compare ") + predicate, {B, 3}, {3}, element,
             "i1");
    for (const char *op : {"nn.neg", "nn.abs", "nn.square"}) {
      cases.push_back(unary(op, tensor({B, 3}, element)));
      cases.back().lowInteger = -2;
      cases.back().numIntegers = 5;
    }
  }
  for (const char *predicate : predicates)
    binary(std::string("nn.compare ") + predicate, {B, 3}, {B, 1}, "i1", "i1");
  for (const char *element : kAll) {
    std::string whole = tensor({B, 3}, element);
    cases.push_back(call("nn.select",
                         {tensor({B, 1}, "i1"), whole, tensor({3}, element)},
                         whole));
    cases.push_back(call(
        "nn.select", {tensor({}, "i1"), whole, tensor({}, element)}, whole));
    for (const char *from : kAll) {
      std::string source = tensor({B, 3}, from);
      cases.push_back(
          {"nn.cast %a : " + source + " to " + whole, {source}, -9, 9});
      cases.back().lowInteger = -2;
      cases.back().numIntegers = 5;
    }
  }
  struct Range {
    const char *op;
    double low, high;
  };
  for (const char *element : kFloats) {
    for (Range range : std::initializer_list<Range>{{"nn.exp", -20, 20},
                                                    {"nn.exp", -86, 86},
                                                    {"nn.log", 1e-3, 10},
                                                    {"nn.log", 0.9, 1.1},
                                                    {"nn.log", 1e20, 1e30},
                                                    {"nn.sqrt", 0.1, 10},
                                                    {"nn.tanh", -1, 1},
                                                    {"nn.tanh", -12, 12},
                                                    {"nn.relu", -3, 3},
                                                    {"nn.sigmoid", -20, 20},
                                                    {"nn.sigmoid", -200, 200},
                                                    {"nn.softmax", -3, 3},
                                                    {"nn.softmax", -200, 200}})
      cases.push_back(
          unary(range.op, tensor({B, 7}, element), range.low, range.high));
    for (Shape shape : std::initializer_list<Shape>{
             {}, {1}, {5}, {B}, {128, 32}, {B, 2, 3}, {1030}, {2, 600}})
      cases.push_back(unary("nn.tanh", tensor(shape, element)));
    for (Shape shape : std::initializer_list<Shape>{
             {5}, {B, 1}, {B, 2, 3}, {B, 1000}, {64, 40}, {1, 4}})
      cases.push_back(unary("nn.softmax", tensor(shape, element), -30, 30));
  }
  return cases;
}

std::vector<GradientCase>(::fleet::test::getBroadcastCases)() {
  std::vector<GradientCase> cases;
  using Pair = std::pair<Shape, Shape>;
  // With a dimension of the batch; then static ones, small and large (from
  // where they are swept).
  for (auto &[a, b] : std::initializer_list<Pair>{{{B, 3}, {B, 3}},
                                                  {{B, 3}, {3}},
                                                  {{B, 3}, {}},
                                                  {{B, 3}, {1}},
                                                  {{B, 3}, {B, 1}},
                                                  {{B, 1}, {3}},
                                                  {{1, 3}, {B, 1}},
                                                  {{1, 3}, {B, 3}},
                                                  {{}, {B}},
                                                  {{B}, {B}},
                                                  {{1}, {B, 1}},
                                                  {{1, 1}, {B, 5}},
                                                  {{B, 2, 3}, {2, 3}},
                                                  {{B, 2, 3}, {2, 1}},
                                                  {{B, 1, 3}, {B, 2, 1}},
                                                  {{B, 40}, {40}},
                                                  {{B, 2, 1}, {1, 1, 3}},
                                                  {{B, 1030}, {1030}},
                                                  {{3}, {3}},
                                                  {{3, 1}, {1, 4}},
                                                  {{}, {}},
                                                  {{1}, {}},
                                                  {{1, 1}, {1, 1}},
                                                  {{2, 3, 1}, {4}},
                                                  {{128, 32}, {128, 32}},
                                                  {{128, 32}, {32}},
                                                  {{128, 32}, {128, 1}},
                                                  {{2000}, {2000}},
                                                  {{2000}, {1}},
                                                  {{2000}, {}},
                                                  {{1, 2000}, {2000}},
                                                  {{2, 1024}, {1024}},
                                                  {{4096, 1}, {1}},
                                                  {{1}, {1, 2000}},
                                                  {{64, 1}, {1, 64}},
                                                  {{64, 1}, {64}},
                                                  {{40, 40}, {40}},
                                                  {{40, 40}, {40, 1}},
                                                  {{40, 1}, {40}}}) {
    cases.push_back(call("nn.sub", {tensor(a, "f32"), tensor(b, "f32")},
                         tensor(broadcast(a, b), "f32")));
    cases.push_back(call("nn.sub", {tensor(b, "f32"), tensor(a, "f32")},
                         tensor(broadcast(a, b), "f32")));
  }
  struct Stretch {
    Shape value, like, along;
  };
  for (const Stretch &s :
       std::initializer_list<Stretch>{{{}, {B, 3}, {}},
                                      {{3}, {B, 3}, {}},
                                      {{B, 1}, {B, 3}, {}},
                                      {{B}, {B, 3}, {1}},
                                      {{1}, {B, 3}, {1}},
                                      {{1, 1}, {B, 3}, {}},
                                      {{}, {B}, {}},
                                      {{1}, {B}, {}},
                                      {{3}, {B, 3, 2}, {0, 2}},
                                      {{B, 2}, {B, 3, 2}, {1}},
                                      {{1, 2}, {B, 3, 2}, {1}},
                                      {{B}, {B, 3, 2}, {1, 2}},
                                      {{3}, {128, 3}, {}},
                                      {{128}, {128, 9}, {1}},
                                      {{}, {2000}, {}},
                                      {{2000}, {2000, 3}, {1}},
                                      {{40}, {40, 40}, {1}},
                                      {{40}, {40, 40}, {0}},
                                      {{}, {}, {}},
                                      {{4}, {4, 3}, {1}}}) {
    for (const char *element : kAll) {
      std::string along = s.along.empty() ? "" : list("along", s.along);
      std::string value = tensor(s.value, element);
      cases.push_back({"nn.broadcast %a like %b" + along + " : (" + value +
                           ", " + tensor(s.like, "f32") + ") -> " +
                           tensor(s.like, element),
                       {value, tensor(s.like, "f32")}});
    }
  }
  return cases;
}

std::vector<GradientCase>(::fleet::test::getReductionCases)() {
  std::vector<GradientCase> cases;
  for (Shape shape : std::initializer_list<Shape>{{B},
                                                  {B, 3},
                                                  {B, 1},
                                                  {B, 2, 3},
                                                  {4},
                                                  {3, 4},
                                                  {1, 3},
                                                  {128, 32},
                                                  {2000},
                                                  {1500, 3},
                                                  {1, 2000},
                                                  {40, 40},
                                                  {B, 100},
                                                  {B, 1000}})
    for (int64_t set = 1; set < 1 << shape.size(); ++set)
      for (bool keep : {false, true})
        for (const char *kind : {"sum", "max"})
          for (const char *element : kNumbers) {
            if (element != kNumbers[0] && shape != Shape{B, 3})
              continue;
            Shape dims, result;
            for (size_t d = 0; d < shape.size(); ++d) {
              bool isReduced = set >> d & 1;
              if (isReduced)
                dims.push_back(d);
              if (!isReduced || keep)
                result.push_back(isReduced ? 1 : shape[d]);
            }
            std::string type = tensor(shape, element);
            cases.push_back({std::string("nn.reduce ") + kind + " %a" +
                                 list("dims", dims) +
                                 (keep ? " keep_dims" : "") + " : " + type +
                                 " -> " + tensor(result, element),
                             {type}});
            cases.back().lowInteger = -4;
          }
  for (Shape shape : std::initializer_list<Shape>{
           {B, 3}, {B}, {}, {128, 32}, {2000}, {B, 2, 3}})
    for (const char *element : kFloats)
      for (const char *op : {"nn.count", "nn.mean"}) {
        std::string type = tensor(shape, element);
        cases.push_back(
            {std::string(op) + " %a : " + type + " -> " + tensor({}, element),
             {type}});
      }
  using Pair = std::pair<Shape, Shape>;
  for (auto &[from, to] : std::initializer_list<Pair>{{{B, 3}, {3}},
                                                      {{B, 3}, {1}},
                                                      {{B, 3}, {}},
                                                      {{B, 3}, {B, 1}},
                                                      {{B, 3}, {1, 3}},
                                                      {{B, 2, 3}, {3}},
                                                      {{B, 2, 3}, {2, 1}},
                                                      {{B, 2, 3}, {B, 1, 3}},
                                                      {{B, 2, 3}, {1}},
                                                      {{128, 32}, {32}},
                                                      {{128, 32}, {}},
                                                      {{B, 1}, {}}})
    cases.push_back(
        {"nn.sum_to %a : " + tensor(from, "f32") + " to " + tensor(to, "f32"),
         {tensor(from, "f32")}});
  return cases;
}

std::vector<GradientCase>(::fleet::test::getLabelCases)() {
  std::vector<GradientCase> cases;
  auto withLast = [](Shape shape, int64_t last) {
    shape.back() = last;
    return shape;
  };
  for (Shape shape : std::initializer_list<Shape>{{B, 3},
                                                  {B, 1},
                                                  {B, 10},
                                                  {3},
                                                  {2000},
                                                  {128, 32},
                                                  {B, 2, 3},
                                                  {1, 4},
                                                  {B, 1000}})
    for (const char *element : kNumbers) {
      std::string type = tensor(shape, element);
      cases.push_back({"nn.argmax %a : " + type + " -> " +
                           tensor(withLast(shape, 1), "i64"),
                       {type}});
      // Integers repeat: the first of equal ones wins.
      cases.back().lowInteger = -1;
    }
  for (Shape shape : std::initializer_list<Shape>{
           {B, 5}, {B, 1}, {B, 2}, {B, 1000}, {4}, {128, 4}, {B, 2, 4}, {3, 4}})
    for (const char *element : kAll)
      for (const char *label : {"i32", "i64"}) {
        std::string labels = tensor(withLast(shape, 1), label);
        cases.push_back(
            {"nn.one_hot %a : " + labels + " -> " + tensor(shape, element),
             {labels}});
        // One label is none of the classes.
        cases.back().lowInteger = -1;
      }
  for (const char *element : kFloats)
    for (Shape shape : std::initializer_list<Shape>{
             {B, 2}, {B, 10}, {B, 1000}, {128, 10}, {B, 4, 10}, {10}, {1, 5}})
      for (const char *label : {"i32", "i64"}) {
        std::string logits = tensor(shape, element),
                    labels = tensor(withLast(shape, 1), label);
        for (double range : {1.5, 80.0, 1e4}) {
          cases.push_back(call("nn.softmax_cross_entropy", {logits, labels},
                               tensor(withLast(shape, 1), element)));
          cases.back().low = -range;
          cases.back().high = range;
          cases.back().numIntegers = shape.back();
        }
        cases.push_back(
            call("nn.accuracy", {logits, labels}, tensor({}, element)));
        cases.back().numIntegers = shape.back();
      }
  return cases;
}

std::vector<GradientCase>(::fleet::test::getMatmulCases)() {
  std::vector<GradientCase> cases;
  for (const char *element : kFloats) {
    auto add = [&](const char *how, Shape a, Shape b, Shape result) {
      cases.push_back(call(std::string("nn.matmul|") + how,
                           {tensor(a, element), tensor(b, element)},
                           tensor(result, element)));
    };
    using Pair = std::pair<int64_t, int64_t>;
    for (auto [k, n] : std::initializer_list<Pair>{
             {5, 3}, {1, 1}, {13, 1}, {1, 8}, {64, 1}, {8, 8}, {32, 64}})
      for (int64_t rows : {B, int64_t(128), int64_t(4), int64_t(1)}) {
        add("", {rows, k}, {k, n}, {rows, n});
        add("transpose_b", {rows, k}, {n, k}, {rows, n});
        add("transpose_a", {rows, k}, {rows, n}, {k, n});
      }
    for (int64_t n : {4, 128}) {
      add("transpose_a transpose_b", {5, n}, {3, 5}, {n, 3});
      add("transpose_a transpose_b", {n, 5}, {3, n}, {5, 3});
      add("transpose_a transpose_b", {n, n}, {n, n}, {n, n});
      add("transpose_a", {n, n}, {n, n}, {n, n});
      add("transpose_b", {n, n}, {n, n}, {n, n});
      add("", {n, n}, {n, n}, {n, n});
    }
    std::string batch = tensor({B, 5}, element);
    cases.push_back({"nn.matmul %a, %a transpose_a : (" + batch + ", " + batch +
                         ") -> " + tensor({5, 5}, element),
                     {batch}});
    cases.push_back(call("nn.linear",
                         {tensor({B, 32}, element), tensor({32, 128}, element),
                          tensor({128}, element)},
                         tensor({B, 128}, element)));
  }
  return cases;
}

std::vector<GradientCase>(::fleet::test::getMovementCases)() {
  std::vector<GradientCase> cases;
  for (const char *element : kFloats)
    for (const char *index : {element == kFloats[0] ? "i32" : "i64"})
      // Small and large tables, rows of less and more than a vector; one row.
      for (Shape table : std::initializer_list<Shape>{
               {1, 3}, {5, 1}, {5, 8}, {20, 16}, {500, 17}, {33, 100}})
        for (Shape ids : std::initializer_list<Shape>{
                 {B, 1}, {B, 3}, {B, 2, 3}, {B, 2, 1}, {4, 2}, {500, 1}}) {
          Shape rows = ids;
          if (rows.back() == 1)
            rows.pop_back();
          rows.push_back(table[1]);
          for (const char *op : {"nn.gather", "nn.embedding"}) {
            cases.push_back(call(op,
                                 {tensor(table, element), tensor(ids, index)},
                                 tensor(rows, element)));
            cases.back().numIntegers = table[0];
          }
          cases.push_back(call("nn.scatter_add",
                               {tensor(rows, element), tensor(ids, index)},
                               tensor(table, element)));
          cases.back().numIntegers = table[0];
        }
  for (const char *element : kAll) {
    for (auto &[a, b] : std::initializer_list<std::pair<Shape, Shape>>{
             {{B, 3}, {B, 40}},
             {{B, 2, 3}, {B, 2, 1}},
             {{4, 3}, {4, 1}},
             {{128, 30}, {128, 3}}}) {
      Shape joined = a, rest = a;
      joined.back() += b.back();
      rest.back() = joined.back() - 2;
      cases.push_back(call("nn.concat",
                           {tensor(a, element), tensor(b, element)},
                           tensor(joined, element)));
      std::string type = tensor(joined, element);
      for (const char *offset : {"0", "1", "2"})
        cases.push_back({"nn.slice %a offset = " + std::string(offset) + " : " +
                             type + " -> " + tensor(rest, element),
                         {type}});
    }
    for (auto &[from, to] : std::initializer_list<std::pair<Shape, Shape>>{
             {{B, 2, 3}, {B, 6}},
             {{B, 6}, {B, 3, 1, 2}},
             {{4, 2, 3}, {4, 6}},
             {{128, 30}, {128, 5, 6}},
             {{1, 6}, {1, 2, 3}}})
      cases.push_back({"nn.reshape %a : " + tensor(from, element) + " to " +
                           tensor(to, element),
                       {tensor(from, element)}});
  }
  return cases;
}
