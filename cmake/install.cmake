# The library for other projects: find_package(crosstalk), or pkg-config crosstalk.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(config_folder ${CMAKE_INSTALL_LIBDIR}/cmake/crosstalk)
install(TARGETS crosstalk EXPORT crosstalk-targets)
install(EXPORT crosstalk-targets NAMESPACE crosstalk:: DESTINATION ${config_folder})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/crosstalk DESTINATION include PATTERN network EXCLUDE)
if(CROSSTALK_HAS_NETWORKS)
  set_target_properties(crosstalk_image PROPERTIES EXPORT_NAME image)
  install(TARGETS crosstalk_image EXPORT crosstalk-image-targets)
  install(EXPORT crosstalk-image-targets NAMESPACE crosstalk:: DESTINATION ${config_folder})
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/crosstalk/image/network DESTINATION include/crosstalk/image)
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
