//===- CompiledProgram.cpp - Functions of nn ops, compiled and run --------===//

#include "test/Execute/CompiledProgram.h"

#include "dialects/Fleet/IR/Fleet.h"
#include "dialects/NN/IR/NN.h"
#include "dialects/Plan/IR/Plan.h"
#include "fleet/Conversion/KernelsToLinalg.h"
#include "fleet/Conversion/Passes.h"
#include "fleet/Pipelines/Compile.h"
#include "fleet/Target/Cpu.h"
#include "fleet/Target/Plan.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cstring>
#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace ::fleet::test;
using ::fleet::reference::Shape;
using ::fleet::reference::Tensor;
namespace proto = ::fleet::plan;
namespace dist = mlir::fleet::dist;

//===----------------------------------------------------------------------===//
// Compiling
//===----------------------------------------------------------------------===//

/// Programs return scalars only. What else a function of a test returns goes to
/// a kernel that is there to be looked at: running it shows its operand.
static constexpr llvm::StringLiteral kObserver = "observe";

static func::FuncOp createObserver(ModuleOp role, Type type, unsigned number) {
  OpBuilder b = OpBuilder::atBlockEnd(role.getBody());
  auto scalar = RankedTensorType::get({}, b.getF32Type());
  auto observer =
      func::FuncOp::create(b, role.getLoc(), (kObserver + Twine(number)).str(),
                           b.getFunctionType(type, scalar));
  observer.setPrivate();
  observer->setAttr(mlir::fleet::kRowsAttr, b.getI64IntegerAttr(1));
  b.setInsertionPointToStart(observer.addEntryBlock());
  Value zero = mlir::fleet::nn::createScalarConstant(b, role.getLoc(),
                                                     b.getF32Type(), 0);
  func::ReturnOp::create(b, role.getLoc(), zero);
  return observer;
}

static void observeResults(ModuleOp role) {
  llvm::DenseMap<Type, func::FuncOp> observers;
  SmallVector<func::FuncOp> functions(role.getOps<func::FuncOp>());
  for (func::FuncOp function : functions) {
    Operation *ret = function.getBody().front().getTerminator();
    OpBuilder b(ret);
    for (Value result : ret->getOperands()) {
      func::FuncOp &observer = observers[result.getType()];
      if (!observer)
        observer = createObserver(role, result.getType(), observers.size());
      func::CallOp::create(b, ret->getLoc(), observer, result);
    }
    ret->setOperands({});
    function.setFunctionType(
        b.getFunctionType(function.getArgumentTypes(), {}));
  }
}

/// The program as the only role of a local job.
static OwningOpRef<ModuleOp> createJob(ModuleOp program) {
  MLIRContext *context = program.getContext();
  OwningOpRef<ModuleOp> job = ModuleOp::create(program.getLoc(), "job");
  (*job)->setAttr(dist::FleetDialect::getJobAttrName(),
                  dist::JobAttr::get(context, dist::Mode::Local,
                                     dist::SyncMode::Sync, /*trainers=*/1));
  ModuleOp role = program.clone();
  role.setName("local");
  role->setAttr(dist::FleetDialect::getRoleAttrName(),
                dist::RoleAttr::get(context, dist::RoleKind::Local));
  job->push_back(role);
  observeResults(role);
  return job;
}

static FailureOr<std::string> compileKernels(ModuleOp role) {
  OwningOpRef<ModuleOp> kernels = ModuleOp::create(role.getLoc());
  for (auto kernel : role.getOps<func::FuncOp>())
    kernels->push_back(kernel.clone());
  PassManager pm(role.getContext());
  pm.addPass(mlir::fleet::createConvertKernelsToLinalgPass());
  mlir::fleet::buildKernelsToLLVMPipeline(pm);
  if (failed(pm.run(*kernels)))
    return failure();
  auto target = mlir::fleet::resolveCpuTarget("native");
  if (!target)
    return role.emitError(llvm::toString(target.takeError()));
  return mlir::fleet::compileKernelLibrary(*kernels, *target);
}

static void *load(const std::string &library) {
  int file = memfd_create("kernels", MFD_CLOEXEC);
  if (file < 0 || write(file, library.data(), library.size()) !=
                      static_cast<ssize_t>(library.size()))
    return nullptr;
  std::string path = "/proc/self/fd/" + std::to_string(file);
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    ADD_FAILURE() << dlerror();
  close(file);
  return handle;
}

//===----------------------------------------------------------------------===//
// Tensors as bytes
//===----------------------------------------------------------------------===//

static size_t sizeOf(proto::DataType dtype) {
  switch (dtype) {
  case proto::I1:
    return 1;
  case proto::I32:
  case proto::F32:
    return 4;
  default:
    return 8;
  }
}

static int64_t extentOf(const proto::Dim &dim, int64_t batch) {
  return dim.has_symbol() ? batch : dim.extent();
}

static Shape shapeOf(const proto::TensorType &type, int64_t batch) {
  Shape shape;
  for (const proto::Dim &dim : type.dims())
    shape.push_back(extentOf(dim, batch));
  return shape;
}

static size_t bytesOf(const proto::TensorType &type, int64_t batch) {
  return Tensor(shapeOf(type, batch)).values.size() * sizeOf(type.dtype());
}

static std::string encode(const Tensor &tensor, proto::DataType dtype) {
  std::string bytes;
  auto append = [&](auto value) {
    bytes.append(reinterpret_cast<const char *>(&value), sizeof(value));
  };
  for (double value : tensor.values) {
    if (dtype == proto::F32)
      append(static_cast<float>(value));
    else if (dtype == proto::F64)
      append(value);
    else if (dtype == proto::I1)
      append(static_cast<char>(value));
    else if (dtype == proto::I32)
      append(static_cast<int32_t>(value));
    else
      append(static_cast<int64_t>(value));
  }
  return bytes;
}

static Tensor decode(const char *bytes, const proto::TensorType &type,
                     int64_t batch) {
  Tensor tensor(shapeOf(type, batch));
  for (double &value : tensor.values) {
    auto take = [&](auto element) {
      std::memcpy(&element, bytes, sizeof(element));
      value = element;
    };
    if (type.dtype() == proto::F32)
      take(float());
    else if (type.dtype() == proto::F64)
      take(double());
    else if (type.dtype() == proto::I1)
      take(char());
    else if (type.dtype() == proto::I32)
      take(int32_t());
    else
      take(int64_t());
    bytes += sizeOf(type.dtype());
  }
  return tensor;
}

void ::fleet::test::round(Tensor &tensor, Type elementType) {
  if (elementType.isF32())
    for (double &value : tensor.values)
      value = static_cast<float>(value);
}

namespace {
/// Memory with a margin on both sides that nobody may write.
class GuardedMemory {
public:
  explicit GuardedMemory(size_t bytes)
      : size(bytes), memory(static_cast<char *>(std::aligned_alloc(
                         64, 2 * kMargin + roundUp(bytes)))) {
    std::memset(memory, kCanary, 2 * kMargin + roundUp(bytes));
    // All bits set: not-a-number as a float, -1 as an integer.
    std::memset(get(), 0xff, bytes);
  }
  ~GuardedMemory() {
    for (size_t i = 0; i < kMargin; ++i)
      if (memory[i] != kCanary || memory[kMargin + size + i] != kCanary) {
        ADD_FAILURE() << "memory beside a buffer of " << size
                      << " bytes was overwritten";
        break;
      }
    std::free(memory);
  }
  GuardedMemory(const GuardedMemory &) = delete;
  GuardedMemory &operator=(const GuardedMemory &) = delete;
  char *get() const { return memory + kMargin; }
  size_t bytes() const { return size; }

private:
  static constexpr size_t kMargin = 256;
  static constexpr char kCanary = 0x5a;
  static size_t roundUp(size_t bytes) { return (bytes + 63) / 64 * 64; }
  size_t size;
  char *memory;
};
} // namespace

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

std::unique_ptr<CompiledProgram> CompiledProgram::compile(ModuleOp program) {
  std::unique_ptr<CompiledProgram> result(new CompiledProgram);
  OwningOpRef<ModuleOp> job = createJob(program);
  PassManager pm(program.getContext());
  mlir::fleet::buildCompilePipeline(pm);
  if (failed(verify(*job)) || failed(pm.run(*job)))
    return nullptr;
  auto role = *job->getOps<ModuleOp>().begin();
  auto planned = *role.getOps<mlir::fleet::plan::ProgramOp>().begin();
  if (failed(mlir::fleet::translateToPlan(planned, result->plan)))
    return nullptr;
  planned.erase();
  FailureOr<std::string> library = compileKernels(role);
  if (failed(library))
    return nullptr;
  result->library = load(*library);
  if (!result->library)
    return nullptr;
  for (const proto::State &state : result->plan.states())
    result->states.emplace_back(bytesOf(state.type(), 0), '\xff');
  return result;
}

CompiledProgram::~CompiledProgram() {
  if (library)
    dlclose(library);
}

void CompiledProgram::launch(const proto::Launch &launch,
                             ArrayRef<char *> buffers, int64_t batch) {
  using Function = void (*)(void *const *, const int64_t *, int64_t, int64_t);
  const proto::Kernel &kernel = plan.kernels(launch.kernel());
  auto function =
      reinterpret_cast<Function>(dlsym(library, kernel.symbol().c_str()));
  ASSERT_TRUE(function) << "no kernel " << kernel.symbol();
  ASSERT_EQ(kernel.num_operands(), uint32_t(launch.buffers_size()))
      << kernel.symbol();
  std::vector<void *> operands;
  for (uint32_t buffer : launch.buffers())
    operands.push_back(buffers[buffer]);
  int64_t rows = extentOf(launch.rows(), batch), begin = 0;
  if (kernel.splittable())
    for (int64_t cut : cuts) {
      if (cut <= begin || cut >= rows)
        continue;
      function(operands.data(), &batch, begin, cut);
      begin = cut;
    }
  function(operands.data(), &batch, begin, rows);
}

template <typename T>
static void multiply(const proto::MatMul &op, ArrayRef<char *> buffers,
                     const Shape &a, const Shape &out) {
  const T *lhs = reinterpret_cast<const T *>(buffers[op.a()]);
  const T *rhs = reinterpret_cast<const T *>(buffers[op.b()]);
  T *result = reinterpret_cast<T *>(buffers[op.out()]);
  int64_t m = out[0], n = out[1], inner = a[op.transpose_a() ? 0 : 1];
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < inner; ++k)
        sum += double(lhs[op.transpose_a() ? k * m + i : i * inner + k]) *
               double(rhs[op.transpose_b() ? j * inner + k : k * n + j]);
      result[i * n + j] = static_cast<T>(sum);
    }
}

std::vector<Tensor> CompiledProgram::run(StringRef name,
                                         ArrayRef<Tensor> arguments,
                                         int64_t batch) {
  const proto::Function *function = nullptr;
  for (const proto::Function &candidate : plan.functions())
    if (candidate.name() == name.str())
      function = &candidate;
  if (!function) {
    ADD_FAILURE() << "no function " << name.str();
    return {};
  }
  // Slots are as large as their largest buffer.
  std::vector<size_t> sizes(function->num_slots(), 0);
  for (const proto::Buffer &buffer : function->buffers())
    if (buffer.has_temporary()) {
      size_t &size = sizes.at(buffer.temporary().slot());
      size = std::max(size, bytesOf(buffer.type(), batch));
    }
  std::vector<std::unique_ptr<GuardedMemory>> memory, arena;
  for (size_t size : sizes)
    arena.push_back(std::make_unique<GuardedMemory>(size));
  std::vector<char *> buffers;
  std::vector<std::pair<const char *, std::string>> readOnly;
  std::vector<std::pair<std::string *, char *>> stateMemory;
  for (const proto::Buffer &buffer : function->buffers()) {
    if (buffer.has_temporary()) {
      buffers.push_back(arena[buffer.temporary().slot()]->get());
      continue;
    }
    size_t bytes = bytesOf(buffer.type(), batch);
    std::string initial;
    if (buffer.has_state()) {
      initial = states[buffer.state().state()];
    } else if (buffer.has_constant()) {
      // One element may stand for all.
      while (initial.size() < bytes && !buffer.constant().data().empty())
        initial += buffer.constant().data();
    } else {
      const Tensor &argument = arguments[buffer.input().argument()];
      EXPECT_EQ(argument.shape, shapeOf(buffer.type(), batch)) << buffer.name();
      initial = encode(argument, buffer.type().dtype());
    }
    EXPECT_EQ(initial.size(), bytes) << buffer.name();
    memory.push_back(std::make_unique<GuardedMemory>(bytes));
    char *start = memory.back()->get();
    std::memcpy(start, initial.data(), std::min(bytes, initial.size()));
    buffers.push_back(start);
    if (buffer.has_state())
      stateMemory.emplace_back(&states[buffer.state().state()], start);
    else
      readOnly.emplace_back(start, std::move(initial));
  }

  std::vector<Tensor> results;
  for (const proto::Instruction &instruction : function->instructions()) {
    if (instruction.has_launch()) {
      const proto::Launch &op = instruction.launch();
      launch(op, buffers, batch);
      const std::string &symbol = plan.kernels(op.kernel()).symbol();
      if (StringRef(symbol).starts_with(kObserver))
        results.push_back(decode(buffers[op.buffers(0)],
                                 function->buffers(op.buffers(0)).type(),
                                 batch));
    } else if (instruction.has_matmul()) {
      const proto::MatMul &op = instruction.matmul();
      auto shape = [&](uint32_t buffer) {
        return shapeOf(function->buffers(buffer).type(), batch);
      };
      if (function->buffers(op.out()).type().dtype() == proto::F32)
        multiply<float>(op, buffers, shape(op.a()), shape(op.out()));
      else
        multiply<double>(op, buffers, shape(op.a()), shape(op.out()));
    } else if (instruction.has_copy()) {
      const proto::Copy &op = instruction.copy();
      std::memcpy(buffers[op.to()], buffers[op.from()],
                  bytesOf(function->buffers(op.from()).type(), batch));
    } else {
      ADD_FAILURE() << "an instruction of another process";
    }
  }
  for (auto &[start, initial] : readOnly)
    EXPECT_EQ(std::memcmp(start, initial.data(), initial.size()), 0)
        << name.str() << " overwrites an input or a constant";
  for (auto &[state, start] : stateMemory)
    state->assign(start, state->size());
  return results;
}

size_t CompiledProgram::findState(StringRef name) const {
  for (int i = 0; i < plan.states_size(); ++i)
    if (plan.states(i).name() == name.str())
      return i;
  ADD_FAILURE() << "no state " << name.str();
  return 0;
}

Tensor CompiledProgram::getState(StringRef name) const {
  size_t state = findState(name);
  return decode(states[state].data(), plan.states(state).type(), 0);
}

void CompiledProgram::setState(StringRef name, const Tensor &value) {
  size_t state = findState(name);
  std::string bytes = encode(value, plan.states(state).type().dtype());
  ASSERT_EQ(bytes.size(), states[state].size()) << name.str();
  states[state] = std::move(bytes);
}

std::string CompiledProgram::getStateBytes(StringRef name) const {
  return states[findState(name)];
}
