#include "host/media/peers/seccomp.h"

#include <errno.h>
#include <glib.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH

#define X32 0x40000000u /* another numbering of the same calls on x86-64 */
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define REFUSE BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static const int refused[] = {
        /* other programs and other processes */
        SYS_execve,
        SYS_execveat,
        SYS_ptrace,
        SYS_process_vm_readv,
        SYS_process_vm_writev,
        SYS_kcmp,
        SYS_pidfd_getfd,
        SYS_process_madvise,
        /* files by another way than their path, and changes of them */
        SYS_open_by_handle_at,
        SYS_name_to_handle_at,
        SYS_unlinkat,
        SYS_renameat2,
        SYS_linkat,
        SYS_symlinkat,
        SYS_mkdirat,
        SYS_mknodat,
        SYS_fchmodat,
        SYS_fchownat,
        SYS_setxattr,
        SYS_removexattr,
        /* the view of the machine */
        SYS_mount,
        SYS_umount2,
        SYS_pivot_root,
        SYS_chroot,
        SYS_unshare,
        SYS_setns,
        SYS_move_mount,
        SYS_fsopen,
        SYS_open_tree,
        SYS_swapon,
        SYS_reboot,
        SYS_sethostname,
        SYS_settimeofday,
        SYS_clock_settime,
        SYS_adjtimex,
        /* the kernel */
        SYS_init_module,
        SYS_finit_module,
        SYS_delete_module,
        SYS_kexec_load,
        SYS_bpf,
        SYS_perf_event_open,
        SYS_userfaultfd,
        SYS_io_uring_setup,
        SYS_io_uring_enter,
        SYS_io_uring_register,
        SYS_add_key,
        SYS_request_key,
        SYS_keyctl,
        SYS_acct,
        SYS_quotactl,
        SYS_syslog,
        SYS_personality,
};

bool tb_seccomp_apply(void)
{
        g_autoptr(GArray) code = g_array_new(FALSE, FALSE, sizeof(struct sock_filter));
#define ADD(...)                                                                                             \
        do {                                                                                                 \
                struct sock_filter line[] = {__VA_ARGS__};                                                   \
                g_array_append_vals(code, line, G_N_ELEMENTS(line));                                         \
        } while (0)
        ADD(LOAD(arch), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0), REFUSE, LOAD(nr));
#ifdef __x86_64__
        ADD(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 0, 1), REFUSE);
#endif
        for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
                ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refused[i], 0, 1), REFUSE);
        /* sockets: of IP, and the one that lists the machine's addresses */
        ADD(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 1, 0), ALLOW, LOAD(args[0]),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 2, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 1, 0),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 1), ALLOW, REFUSE);
#undef ADD
        struct sock_fprog program = {(unsigned short)code->len, (struct sock_filter *)(void *)code->data};
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

#else

bool tb_seccomp_apply(void)
{
        return false;
}

#endif
