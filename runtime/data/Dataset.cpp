//===- Dataset.cpp - Training data in memory ------------------------------===//

#include "runtime/data/Dataset.h"

#include "runtime/data/CsvReader.h"
#include "runtime/data/NpyReader.h"
#include "runtime/data/NpzReader.h"

#include <algorithm>

using namespace fleet;

namespace {

std::string listNames(const std::vector<InputRequest> &requests) {
  std::string names;
  for (const InputRequest &request : requests) {
    if (!names.empty())
      names += ", ";
    names += request.name;
  }
  return names.empty() ? "none" : names;
}

/// Every name in the spec is an input, and every input is named in the spec.
Status checkNames(const DataSpec &spec,
                  const std::vector<InputRequest> &requests) {
  if (spec.format == DataSpec::Format::Npz)
    return {}; // its arrays are looked up when it is open
  auto named = [&](const InputRequest &request) {
    return std::any_of(
        spec.entries.begin(), spec.entries.end(),
        [&](const auto &entry) { return entry.input == request.name; });
  };
  for (const DataSpec::Entry &entry : spec.entries)
    if (std::none_of(
            requests.begin(), requests.end(),
            [&](const auto &request) { return request.name == entry.input; }))
      return makeError(StatusCode::InvalidArgument,
                       "--data: the program has no input '{}'; it has: {}",
                       entry.input, listNames(requests));
  for (const InputRequest &request : requests)
    if (!named(request))
      return makeError(StatusCode::InvalidArgument,
                       "--data: nothing is given for input '{}' of the "
                       "program; its inputs are: {}",
                       request.name, listNames(requests));
  return {};
}

StatusOr<Dataset> readNpyFiles(const DataSpec &spec,
                               const std::vector<InputRequest> &requests,
                               Files &files) {
  std::vector<DatasetInput> inputs;
  int64_t rows = 0;
  std::string first;
  for (const InputRequest &request : requests) {
    auto entry =
        std::find_if(spec.entries.begin(), spec.entries.end(),
                     [&](const auto &e) { return e.input == request.name; });
    FLEET_ASSIGN_OR_RETURN(auto file, files.openForReading(entry->file));
    uint64_t offset = 0;
    auto read = [&](void *out, size_t count) {
      Status status = file->readAt(offset, out, count);
      offset += count;
      return status;
    };
    FLEET_ASSIGN_OR_RETURN(NpyArray array,
                           readNpy(entry->file, file->size(), read, request));
    if (inputs.empty()) {
      rows = array.rows;
      first = entry->file;
    } else if (array.rows != rows) {
      return makeError(StatusCode::InvalidArgument,
                       "{} has {} rows, but {} has {}", entry->file, array.rows,
                       first, rows);
    }
    inputs.push_back(std::move(array.input));
  }
  return Dataset::create(spec.file, rows, std::move(inputs));
}

StatusOr<Dataset> readFiles(const DataSpec &spec,
                            const std::vector<InputRequest> &requests,
                            Files &files) {
  switch (spec.format) {
  case DataSpec::Format::Csv:
    return readCsv(spec, requests, files);
  case DataSpec::Format::Npz:
    return readNpz(spec.file, requests, files);
  case DataSpec::Format::Npy:
    break;
  }
  return readNpyFiles(spec, requests, files);
}

template <typename T>
Status checkElements(const InputRequest &request, const DatasetInput &input,
                     size_t bytes, const std::string &source) {
  const auto *elements = reinterpret_cast<const T *>(input.values.data());
  size_t count = bytes / sizeof(T);
  auto bound = static_cast<uint64_t>(request.upperBound);
  // Negative numbers are large ones without their sign.
  bool isBelow = true;
  for (size_t i = 0; i < count; ++i)
    isBelow &= static_cast<uint64_t>(static_cast<int64_t>(elements[i])) < bound;
  for (size_t i = 0; !isBelow && i < count; ++i)
    if (static_cast<uint64_t>(static_cast<int64_t>(elements[i])) >= bound)
      return makeError(
          StatusCode::InvalidArgument,
          "{}: row {} of input '{}' holds the id {}, but its table "
          "has rows 0 to {}",
          source, i * sizeof(T) / input.rowBytes, request.name, elements[i],
          bound - 1);
  return {};
}

} // namespace

StatusOr<Dataset> Dataset::create(std::string source, int64_t rows,
                                  std::vector<DatasetInput> inputs) {
  if (rows < 1)
    return makeError(StatusCode::InvalidArgument, "{} has no rows", source);
  for (const DatasetInput &input : inputs) {
    FLEET_ASSIGN_OR_RETURN(int64_t rowBytes,
                           byteSize(input.dtype, input.rowShape));
    int64_t total;
    if (static_cast<size_t>(rowBytes) != input.rowBytes ||
        __builtin_mul_overflow(rowBytes, rows, &total) ||
        static_cast<uint64_t>(total) > input.values.size())
      return makeError(StatusCode::Internal,
                       "input '{}' of {} does not hold {} rows of {} {}",
                       input.name, source, rows, dataTypeName(input.dtype),
                       formatShape(input.rowShape));
  }
  Dataset dataset;
  dataset.from = std::move(source);
  dataset.rowCount = rows;
  dataset.columns = std::move(inputs);
  return dataset;
}

StatusOr<Dataset> fleet::loadDataset(const DataSpec &spec,
                                     const std::vector<InputRequest> &requests,
                                     Files &files) {
  if (requests.empty())
    return makeError(StatusCode::InvalidArgument,
                     "--data: the program has no inputs, so it takes no data");
  FLEET_RETURN_IF_ERROR(checkNames(spec, requests));
  for (const InputRequest &request : requests) {
    StatusOr<int64_t> bytes = byteSize(request.dtype, request.rowShape);
    if (!bytes.ok())
      return bytes.status().withContext("input '" + request.name + "'");
    if (*bytes == 0)
      return makeError(StatusCode::InvalidArgument,
                       "input '{}' of the program has no elements",
                       request.name);
  }
  FLEET_ASSIGN_OR_RETURN(Dataset dataset, readFiles(spec, requests, files));
  for (size_t i = 0; i < requests.size(); ++i) {
    std::string source = dataset.source();
    if (spec.format == DataSpec::Format::Npy) // one file an input
      for (const DataSpec::Entry &entry : spec.entries)
        if (entry.input == requests[i].name)
          source = entry.file;
    FLEET_RETURN_IF_ERROR(checkUpperBound(requests[i], dataset.inputs()[i],
                                          dataset.rows(), source));
  }
  return dataset;
}

Status fleet::checkUpperBound(const InputRequest &request,
                              const DatasetInput &input, int64_t rows,
                              const std::string &source) {
  if (request.upperBound == 0)
    return {};
  size_t bytes = input.rowBytes * static_cast<size_t>(rows);
  if (request.dtype == plan::I32)
    return checkElements<int32_t>(request, input, bytes, source);
  if (request.dtype == plan::I64)
    return checkElements<int64_t>(request, input, bytes, source);
  return makeError(StatusCode::Internal, "input '{}' of type {} has a bound",
                   request.name, dataTypeName(request.dtype));
}
