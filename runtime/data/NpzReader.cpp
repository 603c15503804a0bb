//===- NpzReader.cpp - Archives of arrays ---------------------------------===//

#include "runtime/data/NpzReader.h"

#include "runtime/data/NpyReader.h"

#include <zip.h>

#include <algorithm>
#include <memory>

using namespace fleet;

namespace {

constexpr uint64_t trustedBytes = uint64_t(256) << 20;
constexpr uint64_t maxRatio = 100;
/// Deflate cannot pack tighter than this, so that a larger claim is a lie.
constexpr uint64_t deflateRatio = 1032;
constexpr size_t listedMembers = 10;
/// What ends even an archive with nothing in it. libzip takes an empty file for
/// one that is about to be made.
constexpr uint64_t smallestArchive = 22;

/// Lets libzip read through a ReadableFile.
class ArchiveSource {
public:
  explicit ArchiveSource(ReadableFile &file) : file(file) {
    zip_error_init(&error);
  }
  ~ArchiveSource() { zip_error_fini(&error); }

  static zip_int64_t callback(void *self, void *data, zip_uint64_t length,
                              zip_source_cmd_t command) {
    return static_cast<ArchiveSource *>(self)->handle(data, length, command);
  }
  /// What the file system said, when libzip says that reading failed.
  const Status &readStatus() const { return failure; }

private:
  zip_int64_t handle(void *data, zip_uint64_t length,
                     zip_source_cmd_t command) {
    switch (command) {
    case ZIP_SOURCE_OPEN:
      position = 0;
      return 0;
    case ZIP_SOURCE_READ: {
      uint64_t count = std::min<uint64_t>(length, file.size() - position);
      Status status = file.readAt(position, data, count);
      if (!status.ok()) {
        failure = status;
        zip_error_set(&error, ZIP_ER_READ, 0);
        return -1;
      }
      position += count;
      return static_cast<zip_int64_t>(count);
    }
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
      return 0;
    case ZIP_SOURCE_STAT: {
      auto *facts = static_cast<zip_stat_t *>(data);
      zip_stat_init(facts);
      facts->size = file.size();
      facts->valid = ZIP_STAT_SIZE;
      return sizeof(*facts);
    }
    case ZIP_SOURCE_SEEK: {
      zip_int64_t target = zip_source_seek_compute_offset(position, file.size(),
                                                          data, length, &error);
      if (target < 0)
        return -1;
      position = static_cast<uint64_t>(target);
      return 0;
    }
    case ZIP_SOURCE_TELL:
      return static_cast<zip_int64_t>(position);
    case ZIP_SOURCE_ERROR:
      return zip_error_to_data(&error, data, length);
    case ZIP_SOURCE_SUPPORTS:
      return zip_source_make_command_bitmap(
          ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT,
          ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL,
          ZIP_SOURCE_SUPPORTS, -1);
    default:
      zip_error_set(&error, ZIP_ER_OPNOTSUPP, 0);
      return -1;
    }
  }

  ReadableFile &file;
  uint64_t position = 0;
  zip_error_t error;
  Status failure;
};

struct CloseArchive {
  void operator()(zip_t *archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t *member) const { zip_fclose(member); }
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;
using Member = std::unique_ptr<zip_file_t, CloseMember>;

StatusOr<Archive> openArchive(const std::string &path, ArchiveSource &input) {
  zip_error_t error;
  zip_error_init(&error);
  Archive archive;
  zip_source_t *source =
      zip_source_function_create(ArchiveSource::callback, &input, &error);
  if (source) {
    archive.reset(
        zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error));
    if (!archive)
      zip_source_free(source);
  }
  std::string why = archive ? "" : zip_error_strerror(&error);
  zip_error_fini(&error);
  if (!archive)
    return input.readStatus().ok()
               ? makeError(StatusCode::DataLoss,
                           "{} is not a sound npz file: {}", path, why)
               : input.readStatus();
  return archive;
}

std::string listMembers(zip_t *archive) {
  zip_int64_t count = zip_get_num_entries(archive, 0);
  std::string names;
  for (zip_int64_t i = 0; i < count; ++i) {
    if (i == static_cast<zip_int64_t>(listedMembers))
      return names + ", ...";
    const char *name =
        zip_get_name(archive, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_GUESS);
    std::string_view shown = name ? name : "?";
    if (shown.size() > 4 && shown.substr(shown.size() - 4) == ".npy")
      shown.remove_suffix(4);
    names += (i == 0 ? "" : ", ");
    names += shown;
  }
  return names.empty() ? "none" : names;
}

Status checkSize(const std::string &name, const zip_stat_t &facts) {
  if ((facts.valid & (ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE)) !=
      (ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE))
    return makeError(StatusCode::DataLoss, "{} does not say how large it is",
                     name);
  uint64_t ratio = facts.size > trustedBytes ? maxRatio : deflateRatio;
  // A constant on top: a tiny member has overhead that the ratio forgets.
  if (facts.size / ratio > facts.comp_size + 64)
    return makeError(StatusCode::InvalidArgument,
                     "{} claims to unpack from {} to {} bytes; use an npy file "
                     "if that is right",
                     name, facts.comp_size, facts.size);
  return {};
}

StatusOr<NpyArray> readMember(const std::string &path, zip_t *archive,
                              const InputRequest &request) {
  zip_stat_t facts;
  zip_stat_init(&facts);
  std::string memberName = request.name + ".npy";
  if (zip_stat(archive, memberName.c_str(), ZIP_FL_ENC_GUESS, &facts) != 0)
    return makeError(StatusCode::NotFound,
                     "{} has no array for input '{}' of the program; it has: "
                     "{}",
                     path, request.name, listMembers(archive));
  std::string name = path + " array '" + request.name + "'";
  FLEET_RETURN_IF_ERROR(checkSize(name, facts));
  Member member(zip_fopen_index(archive, facts.index, 0));
  if (!member)
    return makeError(StatusCode::DataLoss, "{}: {}", name,
                     zip_strerror(archive));
  auto broken = [&](const char *why) {
    return makeError(StatusCode::DataLoss, "{}: {}", name, why);
  };
  auto read = [&](void *out, size_t count) -> Status {
    auto *next = static_cast<char *>(out);
    while (count > 0) {
      zip_int64_t got = zip_fread(member.get(), next, count);
      if (got < 0)
        return makeError(StatusCode::DataLoss, "{}",
                         zip_file_strerror(member.get()));
      if (got == 0)
        return makeError(StatusCode::DataLoss, "the array is truncated");
      next += got;
      count -= static_cast<size_t>(got);
    }
    return {};
  };
  StatusOr<NpyArray> array = readNpy(name, facts.size, read, request);
  if (!array.ok())
    return array;
  // The checksum is compared when the end is met.
  char beyond;
  zip_int64_t rest = zip_fread(member.get(), &beyond, 1);
  if (rest > 0)
    return broken("unpacks to more than it claims");
  if (rest < 0)
    return broken(zip_file_strerror(member.get()));
  return array;
}

} // namespace

StatusOr<Dataset> fleet::readNpz(const std::string &path,
                                 const std::vector<InputRequest> &requests,
                                 Files &files) {
  FLEET_ASSIGN_OR_RETURN(auto file, files.openForReading(path));
  if (file->size() < smallestArchive)
    return makeError(StatusCode::DataLoss,
                     "{} is not a sound npz file: it has {} bytes", path,
                     file->size());
  ArchiveSource source(*file);
  FLEET_ASSIGN_OR_RETURN(Archive archive, openArchive(path, source));
  std::vector<DatasetInput> inputs;
  int64_t rows = 0;
  for (const InputRequest &request : requests) {
    FLEET_ASSIGN_OR_RETURN(NpyArray array,
                           readMember(path, archive.get(), request));
    if (inputs.empty())
      rows = array.rows;
    else if (array.rows != rows)
      return makeError(StatusCode::InvalidArgument,
                       "{}: '{}' has {} rows, but '{}' has {}", path,
                       request.name, array.rows, requests[0].name, rows);
    inputs.push_back(std::move(array.input));
  }
  return Dataset::create(path, rows, std::move(inputs));
}
