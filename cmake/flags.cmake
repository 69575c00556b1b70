# Every target of ours links sallyport_flags; third-party headers are SYSTEM and stay quiet.
include(CheckCCompilerFlag)
include(CheckPIESupported)
check_pie_supported()

add_library(sallyport_flags INTERFACE)
target_compile_definitions(sallyport_flags INTERFACE _GNU_SOURCE
  SALLYPORT_VERSION="${PROJECT_VERSION}")
target_include_directories(sallyport_flags INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR})

function(sallyport_try_flags)
  foreach(flag IN LISTS ARGN)
    string(MAKE_C_IDENTIFIER "have${flag}" var)
    check_c_compiler_flag("-Werror ${flag}" ${var})
    if(${var})
      target_compile_options(sallyport_flags INTERFACE ${flag})
    endif()
  endforeach()
endfunction()

sallyport_try_flags(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-qual -Wwrite-strings
  -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough -Wswitch-enum -Wdouble-promotion
  -Wcast-align=strict -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Walloca)
sallyport_try_flags(-fvisibility=hidden -fno-common -fstack-protector-strong
  -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
  -fzero-call-used-regs=used-gpr -fno-delete-null-pointer-checks -fno-strict-aliasing)

if(SALLYPORT_WERROR)
  target_compile_options(sallyport_flags INTERFACE -Werror)
endif()
if(SALLYPORT_SANITIZE)
  target_compile_options(sallyport_flags INTERFACE -fsanitize=${SALLYPORT_SANITIZE}
    -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(sallyport_flags INTERFACE -fsanitize=${SALLYPORT_SANITIZE})
else()
  target_compile_options(sallyport_flags INTERFACE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE;-D_FORTIFY_SOURCE=3>)
endif()
if(SALLYPORT_FUZZ)
  target_compile_options(sallyport_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
target_link_options(sallyport_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed)
