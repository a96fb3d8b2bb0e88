# Target pgd1_sqlite: SQLite 3.53 as D1 runs it, compiled with D1's options (workerd: build/BUILD.sqlite3),
# from the amalgamation inside the pinned npm package better-sqlite3; or a system SQLite of 3.47 or later.
if(PGD1_SYSTEM_SQLITE)
  pkg_check_modules(SQLITE3 REQUIRED IMPORTED_TARGET sqlite3>=3.47)
  add_library(pgd1_sqlite INTERFACE)
  target_link_libraries(pgd1_sqlite INTERFACE PkgConfig::SQLITE3)
  return()
endif()

set(PGD1_SQLITE_PACKAGE better-sqlite3@12.11.1)
set(PGD1_SQLITE_INTEGRITY "sha512-dq9AtApgg5PGFtBzPFSBl3HZQjHok5gaQCM6zh2Yk0aSmDCs1CbnVI8/HgASQkNKsWFpseIO9beg5xxpYhbIfA==")
# One folder per pin, so that a new pin is fetched and an old one is never taken for it.
string(SHA256 pin "${PGD1_SQLITE_PACKAGE} ${PGD1_SQLITE_INTEGRITY}")
string(SUBSTRING ${pin} 0 12 pin)
set(PGD1_SQLITE_DIR ${CMAKE_SOURCE_DIR}/build/vendor/sqlite3-${pin})
if(NOT EXISTS ${PGD1_SQLITE_DIR}/sqlite3.c)
  message(STATUS "Fetching the SQLite amalgamation from ${PGD1_SQLITE_PACKAGE}")
  execute_process(
    COMMAND ${CMAKE_SOURCE_DIR}/cmake/fetch_sqlite.sh ${PGD1_SQLITE_PACKAGE} ${PGD1_SQLITE_INTEGRITY} ${PGD1_SQLITE_DIR}
    COMMAND_ERROR_IS_FATAL ANY)
endif()
add_library(pgd1_sqlite STATIC ${PGD1_SQLITE_DIR}/sqlite3.c)
target_include_directories(pgd1_sqlite SYSTEM PUBLIC ${PGD1_SQLITE_DIR})
target_compile_definitions(pgd1_sqlite PRIVATE
  # D1's
  SQLITE_MAX_ALLOCATION_SIZE=16777216 SQLITE_PRINTF_PRECISION_LIMIT=100000 SQLITE_ENABLE_FTS5 SQLITE_ENABLE_NORMALIZE
  SQLITE_ENABLE_MATH_FUNCTIONS SQLITE_DEFAULT_FOREIGN_KEYS=1 SQLITE_ENABLE_RTREE SQLITE_ENABLE_UPDATE_DELETE_LIMIT
  SQLITE_OMIT_SHARED_CACHE
  # ours: a connection belongs to one thread at a time; a misspelt "name" is an error, never a string
  SQLITE_THREADSAFE=2 SQLITE_DEFAULT_MEMSTATUS=0 SQLITE_DQS=0 SQLITE_ENABLE_COLUMN_METADATA
  # what SQLite's configure script finds on any Linux; without these it uses fsync for fdatasync, lseek for pread
  HAVE_FDATASYNC=1 HAVE_PREAD=1 HAVE_PWRITE=1 HAVE_USLEEP=1 HAVE_GMTIME_R=1 HAVE_LOCALTIME_R=1 HAVE_STRCHRNUL=1)
target_compile_options(pgd1_sqlite PRIVATE -w -O2 -fPIC)
target_link_libraries(pgd1_sqlite PUBLIC m Threads::Threads ${CMAKE_DL_LIBS})
