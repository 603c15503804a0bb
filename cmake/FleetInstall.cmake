# cmake --install: the tools, the API with its headers, and the package that
# find_package(Fleet) reads.
include_guard(GLOBAL)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# Modules are loaded when they are asked for.
set(libraries FleetAPI FleetCompiler FleetPlan)
foreach(module FleetMpi FleetNccl FleetTransportMpi)
  if(TARGET ${module})
    list(APPEND libraries ${module})
  endif()
endforeach()
set(tools fleet-transpile fleet-run fleet-launch fleet-opt)
# Beside each other, and where LLVM was found.
set_target_properties(${libraries} PROPERTIES
  INSTALL_RPATH "$ORIGIN" INSTALL_RPATH_USE_LINK_PATH ON)
set_target_properties(${tools} PROPERTIES
  INSTALL_RPATH "$ORIGIN/../${CMAKE_INSTALL_LIBDIR}" INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS ${libraries} ${tools}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})

# In a folder of its own, so that <prefix>/include/runtime is nobody's.
set(FLEET_INCLUDE ${CMAKE_INSTALL_INCLUDEDIR}/Fleet)
install(DIRECTORY include/fleet/API DESTINATION ${FLEET_INCLUDE}/fleet
  FILES_MATCHING PATTERN "*.h")
install(FILES runtime/base/Status.h DESTINATION ${FLEET_INCLUDE}/runtime/base)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Fleet)
configure_package_config_file(cmake/FleetConfig.cmake.in
  ${PROJECT_BINARY_DIR}/FleetConfig.cmake INSTALL_DESTINATION ${package}
  PATH_VARS CMAKE_INSTALL_LIBDIR FLEET_INCLUDE)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/FleetConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/FleetConfig.cmake
  ${PROJECT_BINARY_DIR}/FleetConfigVersion.cmake DESTINATION ${package})
