/* For every test of this folder under ASan. */
#ifdef __SANITIZE_ADDRESS__
/* GStreamer registers more names than GLib's first table of quarks holds; GLib leaks that table on purpose
 * when it grows. Made while libglib is loaded. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
        return "leak:_dl_init\n";
}
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
        return "fast_unwind_on_malloc=0"; /* or the frames below g_malloc are not seen */
}
#endif
