# Builds the loadable extension from the shim and the core that wasm2c has translated to C (build/core.c, made by
# scripts/build.mjs). Result: build/Release/cloudsync.so, .dylib or .dll. No header of Node is used; node-gyp is
# only the compiler driver that every Node installation can run.
{
  'variables': {
    'sqlite_headers': '<!(node -p "path.join(path.dirname(require.resolve(\'better-sqlite3/package.json\')), \'deps\', \'sqlite3\')")',
  },
  'target_defaults': {
    'include_dirs': ['shim', 'build', '<(sqlite_headers)'],
    'defines': ['NDEBUG'],
    # Node's own settings would add -O3; -O2 gives smaller code at the same measured speed.
    'cflags!': ['-O3'],
    'cflags': ['-std=c11', '-D_GNU_SOURCE', '-O2', '-fPIC', '-fvisibility=hidden'],
    'configurations': { 'Release': { 'cflags!': ['-O3'] } },
    'xcode_settings': {
      'GCC_OPTIMIZATION_LEVEL': '2',
      'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      'MACOSX_DEPLOYMENT_TARGET': '11.0',
      'OTHER_CFLAGS': ['-std=c11'],
    },
    'msvs_settings': { 'VCCLCompilerTool': { 'AdditionalOptions': ['/std:c11'] } },
  },
  'targets': [
    {
      'target_name': 'core',
      'type': 'static_library',
      'standalone_static_library': 1,
      'sources': ['build/core.c'],
      # Generated code: its warnings are not about our text.
      'cflags': ['-w'],
      'xcode_settings': { 'WARNING_CFLAGS': ['-w'] },
    },
    {
      'target_name': 'cloudsync',
      'type': 'loadable_module',
      'dependencies': ['core'],
      'win_delay_load_hook': 'false',
      'sources': [
        'shim/call.c',
        'shim/cells.c',
        'shim/changes_aggregate.c',
        'shim/changes_vtab.c',
        'shim/connection.c',
        'shim/curl.c',
        'shim/extension.c',
        'shim/host_file.c',
        'shim/host_function.c',
        'shim/host_misc.c',
        'shim/host_sql.c',
        'shim/http.c',
        'shim/runtime.c',
        'shim/serve.c',
        'shim/session.c',
      ],
      'cflags': ['-Wall', '-Wextra', '-Werror'],
      'xcode_settings': { 'WARNING_CFLAGS': ['-Wall', '-Wextra', '-Werror'] },
      'conditions': [
        ['OS == "linux"', { 'libraries': ['-ldl'] }],
        [
          'OS == "win"',
          { 'sources': ['shim/platform_windows.c'] },
          { 'sources': ['shim/platform_posix.c'] },
        ],
      ],
      # Late, because node-gyp itself sets the extension of loadable modules to "node" as late as this.
      'target_conditions': [
        ['OS == "linux"', { 'product_extension': 'so' }],
        ['OS == "mac"', { 'product_extension': 'dylib' }],
        ['OS == "win"', { 'product_extension': 'dll' }],
      ],
    },
  ],
}
