// A library for LD_PRELOAD that makes one call of `crosstalk` fail, once.
//
//   CROSSTALK_FAULT=KIND:N:ERRNO   the Nth call of a kind, from 1: open (for writing), write, fsync, close, rename,
//                                  look (open for reading), read, or allocation (which needs no ERRNO)
//   CROSSTALK_FAULT_REPORT=FILE    takes how many calls of each kind there were, and what failed
//
// Of files only regular ones count. Of allocations those by operator new count, whoever asks, and those by malloc that
// the program itself asks for. Counting begins with main: what runs before it cannot report anything.

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <atomic>
#include <new>

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

enum Kind { kOpen, kWrite, kFsync, kClose, kRename, kLook, kRead, kAllocation, kKinds };
constexpr const char* kNames[kKinds] = {"open", "write", "fsync", "close", "rename", "look", "read", "allocation"};

// Everything here is set before main begins, and no constructor runs later than that.
std::atomic<bool> armed{false};
std::atomic<long> counts[kKinds];
int failing_kind = -1;
long failing_call = 0;
int failing_errno = 0;
char report[4096];
struct {
  ElfW(Addr) begin = 0;
  ElfW(Addr) end = 0;
} program;

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

void append_to_report(const char* text) {
  if (report[0] == '\0') return;
  const auto file = syscall(SYS_openat, AT_FDCWD, report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  static_cast<void>(syscall(SYS_write, file, text, std::strlen(text)));
  syscall(SYS_close, file);
}

bool fails(Kind kind, const char* what) {
  if (!armed) return false;
  const long call = ++counts[kind];
  if (kind != failing_kind || call != failing_call) return false;
  char line[4200];
  std::snprintf(line, sizeof line, "failed %s %s\n", kNames[kind], what);
  append_to_report(line);
  errno = kind == kAllocation ? ENOMEM : failing_errno;
  return true;
}

Kind kind_of(int flags) {
  return (flags & O_ACCMODE) == O_RDONLY ? kLook : kOpen;
}

bool is_regular(int file) {
  struct stat status {};
  return fstat(file, &status) == 0 && S_ISREG(status.st_mode);
}

bool fails(Kind kind, int file) {
  if (!armed || !is_regular(file)) return false;
  const int before = errno;
  char link[64];
  char name[4000] = "";
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  static_cast<void>(!readlink(link, name, sizeof name - 1));
  if (fails(kind, name)) return true;
  errno = before;
  return false;
}

bool is_ours(const void* caller) {
  const auto address = reinterpret_cast<ElfW(Addr)>(caller);
  return address >= program.begin && address < program.end;
}

int find_program(dl_phdr_info* info, std::size_t, void*) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0) {
      program.begin = info->dlpi_addr + segment.p_vaddr;
      program.end = program.begin + segment.p_memsz;
    }
  }
  return 1;  // the first object is the program
}

void read_settings() {
  dl_iterate_phdr(find_program, nullptr);
  if (const char* const file = std::getenv("CROSSTALK_FAULT_REPORT")) std::snprintf(report, sizeof report, "%s", file);
  const char* const fault = std::getenv("CROSSTALK_FAULT");
  if (fault == nullptr) return;
  for (int kind = 0; kind < kKinds; ++kind) {
    const std::size_t length = std::strlen(kNames[kind]);
    if (std::strncmp(fault, kNames[kind], length) == 0 && fault[length] == ':') {
      failing_kind = kind;
      if (std::sscanf(fault + length + 1, "%ld:%d", &failing_call, &failing_errno) < 1) failing_kind = -1;
    }
  }
}

int (*program_main)(int, char**, char**) = nullptr;

int main_with_faults(int argc, char** argv, char** environment) {
  read_settings();
  armed = std::strcmp(program_invocation_short_name, "crosstalk") == 0;  // not what it starts, such as gnuplot
  const int status = program_main(argc, argv, environment);
  armed = false;
  for (int kind = 0; kind < kKinds; ++kind) {
    char line[64];
    std::snprintf(line, sizeof line, "calls %s %ld\n", kNames[kind], counts[kind].load());
    append_to_report(line);
  }
  return status;
}

bool allocation_fails() {
  return fails(kAllocation, "");
}

// As operator new does it.
void fail_to_allocate() {
  if (const std::new_handler handler = std::get_new_handler()) handler();
  throw std::bad_alloc();
}

}  // namespace

extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(), void (*fini)(),
                      void (*rtld_fini)(), void* stack_end) {
  program_main = main;
  return next<decltype(__libc_start_main)>("__libc_start_main")(main_with_faults, argc, argv, init, fini, rtld_fini,
                                                                stack_end);
}

ssize_t write(int file, const void* content, std::size_t size) {
  static auto* const real = next<decltype(write)>("write");
  return fails(kWrite, file) ? -1 : real(file, content, size);
}

ssize_t read(int file, void* content, std::size_t size) {
  static auto* const real = next<decltype(read)>("read");
  return fails(kRead, file) ? -1 : real(file, content, size);
}

ssize_t pread(int file, void* content, std::size_t size, off_t offset) {
  static auto* const real = next<decltype(pread)>("pread");
  return fails(kRead, file) ? -1 : real(file, content, size, offset);
}

int fsync(int file) {
  static auto* const real = next<decltype(fsync)>("fsync");
  return fails(kFsync, file) ? -1 : real(file);
}

// Of a folder, for all files at once; it counts as the fsync of a file.
int syncfs(int folder) noexcept {
  static auto* const real = next<decltype(syncfs)>("syncfs");
  return fails(kFsync, "a file system") ? -1 : real(folder);
}

// The file is closed all the same, as by the system.
int close(int file) {
  static auto* const real = next<decltype(close)>("close");
  const bool writes = armed && (fcntl(file, F_GETFL) & O_ACCMODE) != O_RDONLY;
  const bool failed = writes && fails(kClose, file);
  const int error = errno;
  const int result = real(file);
  if (!failed) return result;
  errno = error;
  return -1;
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  static auto* const real = next<decltype(renameat)>("renameat");
  return fails(kRename, to) ? -1 : real(from_folder, from, to_folder, to);
}

int rename(const char* from, const char* to) {
  static auto* const real = next<decltype(rename)>("rename");
  return fails(kRename, to) ? -1 : real(from, to);
}

int openat(int folder, const char* name, int flags, ...) {
  static auto* const real = next<decltype(openat)>("openat");
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return fails(kind_of(flags), name) ? -1 : real(folder, name, flags, mode);
}

int open(const char* name, int flags, ...) {
  static auto* const real = next<decltype(open)>("open");
  std::va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  return fails(kind_of(flags), name) ? -1 : real(name, flags, mode);
}

void* malloc(std::size_t size) {
  static auto* const real = next<decltype(malloc)>("malloc");
  return is_ours(__builtin_return_address(0)) && allocation_fails() ? nullptr : real(size);
}

void* realloc(void* place, std::size_t size) {
  static auto* const real = next<decltype(realloc)>("realloc");
  return is_ours(__builtin_return_address(0)) && allocation_fails() ? nullptr : real(place, size);
}

int posix_memalign(void** place, std::size_t alignment, std::size_t size) {
  static auto* const real = next<decltype(posix_memalign)>("posix_memalign");
  return is_ours(__builtin_return_address(0)) && allocation_fails() ? ENOMEM : real(place, alignment, size);
}

}  // extern "C"

void* operator new(std::size_t size) {
  static auto* const real = next<void*(std::size_t)>("_Znwm");
  if (allocation_fails()) fail_to_allocate();
  return real(size);
}

void* operator new[](std::size_t size) {
  static auto* const real = next<void*(std::size_t)>("_Znam");
  if (allocation_fails()) fail_to_allocate();
  return real(size);
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  static auto* const real = next<void*(std::size_t, const std::nothrow_t&)>("_ZnwmRKSt9nothrow_t");
  if (!allocation_fails()) return real(size, std::nothrow);
  if (const std::new_handler handler = std::get_new_handler()) handler();
  return nullptr;
}
