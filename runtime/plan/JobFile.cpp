//===- JobFile.cpp - JOB_DIR/job.textproto --------------------------------===//
//
// Part of the Fleet project.
//
//===----------------------------------------------------------------------===//

#include "runtime/plan/JobFile.h"

#include "runtime/plan/PlanValidation.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

using namespace fleet;

namespace {

/// A table of contents of 65 536 programs is a few MiB.
constexpr uint64_t kMaxJobFileBytes = uint64_t(64) << 20;

template <typename... Args>
Status invalid(fmt::format_string<Args...> format, Args &&...args) {
  return makeError(StatusCode::InvalidArgument, format,
                   std::forward<Args>(args)...);
}

/// Keeps the first error of the text format parser, which would print to
/// stderr otherwise.
class FirstError : public google::protobuf::io::ErrorCollector {
public:
  void AddError(int line, int column, const std::string &message) override {
    if (!text.empty())
      return;
    text = fmt::format("{}:{}: {}", line + 1, column + 1, message);
    while (!text.empty() && (text.back() == '.' || text.back() == '\n'))
      text.pop_back();
  }
  std::string text;
};

Status checkProgram(const plan::Job &job, const plan::Job::Program &program) {
  for (const std::string *file : {&program.plan(), &program.source()})
    // A job folder is self-contained: it names files in it and no others.
    if (file->find('/') != std::string::npos || *file == ".." || *file == ".")
      return invalid("'{}' is not the name of a file in the job folder", *file);
  bool single = job.mode() == plan::SINGLE;
  switch (program.role()) {
  case plan::LOCAL:
  case plan::TRAINER:
    if (single != (program.role() == plan::LOCAL))
      return invalid("role {} does not exist in mode {}",
                     plan::Role_Name(program.role()),
                     plan::Mode_Name(job.mode()));
    if (program.index() != 0)
      return invalid("index {} of a {}", program.index(),
                     plan::Role_Name(program.role()));
    return Status();
  case plan::PSERVER:
    if (program.index() >= static_cast<uint32_t>(job.pservers_size()))
      return invalid("server {}, the job has {} servers", program.index(),
                     job.pservers_size());
    if (program.endpoint() != job.pservers(static_cast<int>(program.index())))
      return invalid("server {} has the endpoint '{}' here and '{}' in the "
                     "list of pservers",
                     program.index(), program.endpoint(),
                     job.pservers(static_cast<int>(program.index())));
    return Status();
  default:
    return invalid("role {} is none of LOCAL, TRAINER, PSERVER",
                   static_cast<int>(program.role()));
  }
}

Status checkJob(const plan::Job &job) {
  if (job.schema_version() != kJobSchemaVersion)
    return invalid("schema version {}, this program reads version {}; "
                   "transpile the program again",
                   job.schema_version(), kJobSchemaVersion);
  if (job.mode() != plan::SINGLE && job.mode() != plan::PARAMETER_SERVER &&
      job.mode() != plan::COLLECTIVE)
    return invalid("mode {} is none of SINGLE, PARAMETER_SERVER, COLLECTIVE",
                   static_cast<int>(job.mode()));
  bool single = job.mode() == plan::SINGLE;
  if (job.mode() != plan::PARAMETER_SERVER && job.pservers_size() != 0)
    return invalid("a {} job with pservers", single ? "local" : "collective");
  if (!single)
    FLEET_RETURN_IF_ERROR(validateSyncMode(job.sync_mode()));
  if (!single && (job.trainers() == 0 || job.trainers() > 65536))
    return invalid("{} trainers, expected 1 to 65536", job.trainers());
  if (job.mode() == plan::PARAMETER_SERVER && job.pservers_size() == 0)
    return invalid("a parameter server job without pservers");
  std::unordered_set<std::string> endpoints;
  for (const std::string &endpoint : job.pservers()) {
    FLEET_RETURN_IF_ERROR(validateEndpoint(endpoint));
    if (!endpoints.insert(endpoint).second)
      return invalid("two pservers have the endpoint {}", endpoint);
  }
  std::set<std::pair<int, uint32_t>> programs;
  for (int i = 0; i < job.programs_size(); ++i) {
    const plan::Job::Program &program = job.programs(i);
    std::string where = fmt::format("program {}", i);
    FLEET_RETURN_IF_ERROR(checkProgram(job, program).withContext(where));
    if (!programs.insert({program.role(), program.index()}).second)
      return invalid("{}: a second one for {} {}", where,
                     plan::Role_Name(program.role()), program.index());
  }
  return Status();
}

} // namespace

StatusOr<plan::Job> fleet::loadJob(Files &files, const std::string &directory) {
  std::string path = joinPath(directory, "job.textproto");
  StatusOr<std::string> text = readFile(files, path, kMaxJobFileBytes);
  if (!text.ok())
    return makeError(text.status().code(),
                     "{} is not a job folder of fleet-transpile: {}", directory,
                     text.status().message());
  return parseJob(*text, path);
}

StatusOr<plan::Job> fleet::parseJob(std::string_view text,
                                    const std::string &name) {
  plan::Job job;
  FirstError errors;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  parser.SetRecursionLimit(16);
  // A string that is no UTF-8 is logged rather than reported.
  google::protobuf::LogSilencer silencer;
  if (!parser.ParseFromString(std::string(text), &job))
    return makeError(StatusCode::DataLoss, "{}:{}", name,
                     errors.text.empty() ? "1:1: it does not parse"
                                         : errors.text);
  FLEET_RETURN_IF_ERROR(checkJob(job).withContext(name));
  return job;
}

Status fleet::moveServers(plan::Job &job, const std::string &endpoints) {
  std::vector<std::string> list;
  for (size_t begin = 0; begin <= endpoints.size();) {
    size_t end = std::min(endpoints.find(',', begin), endpoints.size());
    list.push_back(endpoints.substr(begin, end - begin));
    begin = end + 1;
  }
  if (list.size() != static_cast<size_t>(job.pservers_size()))
    return invalid("{} endpoints, the job has {} servers", list.size(),
                   job.pservers_size());
  std::unordered_set<std::string> seen;
  for (const std::string &endpoint : list) {
    FLEET_RETURN_IF_ERROR(validateEndpoint(endpoint));
    if (!seen.insert(endpoint).second)
      return invalid("two servers at {}", endpoint);
  }
  for (size_t i = 0; i < list.size(); ++i)
    job.set_pservers(static_cast<int>(i), list[i]);
  for (plan::Job::Program &program : *job.mutable_programs())
    if (program.role() == plan::PSERVER)
      program.set_endpoint(list[program.index()]);
  return Status();
}

const plan::Job::Program *fleet::findProgram(const plan::Job &job,
                                             plan::Role role, uint32_t index) {
  for (const plan::Job::Program &program : job.programs())
    if (program.role() == role && program.index() == index)
      return &program;
  return nullptr;
}
