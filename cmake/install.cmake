# The library for other projects: find_package(crosstalk), or pkg-config crosstalk.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/crosstalk)
install(TARGETS crosstalk EXPORT crosstalk-targets)
install(EXPORT crosstalk-targets NAMESPACE crosstalk:: DESTINATION ${config_folder})

# Public headers: what a user of the library includes, and what these headers include. All others are the project's own.
function(install_headers)
  set(waiting ${ARGN})
  set(found)
  while(waiting)
    list(POP_FRONT waiting header)
    if(header IN_LIST found)
      continue()
    endif()
    list(APPEND found ${header})
    file(STRINGS ${PROJECT_SOURCE_DIR}/include/crosstalk/${header} lines REGEX "^#include \"crosstalk/")
    foreach(line ${lines})
      string(REGEX REPLACE "^#include \"crosstalk/([^\"]*)\".*" "\\1" included "${line}")
      list(APPEND waiting ${included})
    endforeach()
    get_filename_component(folder ${header} DIRECTORY)
    install(FILES ${PROJECT_SOURCE_DIR}/include/crosstalk/${header} DESTINATION include/crosstalk/${folder})
  endwhile()
endfunction()
install_headers(
  attack/exact_attack.hpp
  attack/gradient_check.hpp
  attack/greedy_budget.hpp
  attack/schema.hpp
  defence/certificate.hpp
  defence/defend.hpp
  defence/group_certificate.hpp
  error.hpp
  evaluate/adaptive_attack.hpp
  evaluate/audit.hpp
  evaluate/audit_summary.hpp
  image/codec.hpp
  image/image_sets.hpp
  image/method.hpp
  pages/audit_page.hpp
  problem/independent_tasks.hpp
  problem/problem.hpp)
if(CROSSTALK_HAS_NETWORKS)
  set_target_properties(crosstalk_image PROPERTIES EXPORT_NAME image)
  install(TARGETS crosstalk_image EXPORT crosstalk-image-targets)
  install(EXPORT crosstalk-image-targets NAMESPACE crosstalk:: DESTINATION ${config_folder})
  install_headers(image/network/generator.hpp image/network/learned_noise.hpp image/network/verification.hpp)
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/crosstalk-config.cmake.in
                              ${PROJECT_BINARY_DIR}/crosstalk-config.cmake INSTALL_DESTINATION ${config_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/crosstalk-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/crosstalk-config.cmake ${PROJECT_BINARY_DIR}/crosstalk-config-version.cmake
        DESTINATION ${config_folder})

file(RELATIVE_PATH pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
# LAPACKE and OpenMP's run time have no .pc file everywhere, so they stand as libraries.
set(pc_webp "")
if(WEBP_FOUND)
  set(pc_webp " libwebp libwebpmux libwebpdemux")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/crosstalk.pc.in ${PROJECT_BINARY_DIR}/crosstalk.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/crosstalk.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
