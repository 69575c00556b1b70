# The target `wolfssl`: the static library that scripts/deps has built, or the one SALLYPORT_WOLFSSL names.
if(SALLYPORT_WOLFSSL)
  set(wolfssl_prefix ${SALLYPORT_WOLFSSL})
else()
  execute_process(COMMAND ${CMAKE_SOURCE_DIR}/scripts/deps --prefix
    OUTPUT_VARIABLE wolfssl_prefix OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "wolfSSL has not been built yet: run 'sudo scripts/deps' first, "
      "or name an installation with -DSALLYPORT_WOLFSSL=DIR")
  endif()
endif()

set(version_h ${wolfssl_prefix}/include/wolfssl/version.h)
set(options_h ${wolfssl_prefix}/include/wolfssl/options.h)
if(NOT EXISTS ${version_h} OR NOT EXISTS ${options_h})
  message(FATAL_ERROR "no wolfSSL headers in ${wolfssl_prefix}/include")
endif()
file(STRINGS ${version_h} line REGEX "LIBWOLFSSL_VERSION_STRING")
string(REGEX MATCH "[0-9]+\\.[0-9]+\\.[0-9]+" wolfssl_version "${line}")
message(STATUS "wolfSSL ${wolfssl_version} in ${wolfssl_prefix}")
if(wolfssl_version VERSION_LESS 5.9.2 AND NOT SALLYPORT_OLD_WOLFSSL)
  message(FATAL_ERROR "wolfSSL ${wolfssl_version} is older than 5.9.2 and lets clients in without a certificate "
    "(CVE-2026-55962): run scripts/deps, or insist with -DSALLYPORT_OLD_WOLFSSL=ON")
endif()
file(STRINGS ${options_h} assembly REGEX "#define (USE_INTEL_SPEEDUP|WOLFSSL_ARMASM)$")
if(NOT assembly)
  message(WARNING "this wolfSSL was built without assembly: AES-GCM will be some 30 times slower")
endif()

find_library(wolfssl_library NAMES libwolfssl.a wolfssl PATHS ${wolfssl_prefix}/lib NO_DEFAULT_PATH
  NO_CACHE REQUIRED)
add_library(wolfssl INTERFACE)
target_include_directories(wolfssl SYSTEM INTERFACE ${wolfssl_prefix}/include)
target_link_libraries(wolfssl INTERFACE ${wolfssl_library} m)
