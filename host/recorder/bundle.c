/* A clip as one file (POSIX.1-1988 ustar), which is put together while it is sent. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "host/recorder/cut.h"
#include "host/recorder/parts.h"
#include "lib/json.h"

#define RECORD 512

/* Opened from a folder: no server, no request; the lines come as a script. */
static const char page[] =
        "<!doctype html><html lang=en><meta charset=utf-8><title>Testbed clip</title>\n"
        "<meta name=viewport content='width=device-width,initial-scale=1'>\n"
        "<style>body{font:15px system-ui,sans-serif;margin:1rem;max-width:90rem;color-scheme:light dark}"
        "main{display:grid;gap:1rem;grid-template-columns:repeat(auto-fit,minmax(20rem,1fr))}"
        "video{width:100%;background:#000}pre{height:24rem;overflow:auto;margin:0;padding:.5rem;border:1px "
        "solid "
        "#8886;white-space:pre-wrap}.later{opacity:.35}input{width:100%}</style>\n"
        "<h1 id=title>Clip</h1><p id=about></p>\n"
        "<main><div><video id=film src=video.mp4 controls playsinline></video>"
        "<input id=time type=range min=0 step=10 aria-label='Moment'><p id=now></p></div>\n"
        "<div><h2>Console</h2><pre id=console></pre></div><div><h2>Events and samples</h2><pre "
        "id=events></pre></div></main>\n"
        "<script src=data.js></script>\n<script>\n"
        "const at=(id)=>document.getElementById(id), c=window.clip, film=at('film'), time=at('time');\n"
        "const plain=(s)=>s.replace(/\\x1b\\[[0-9;?]*[A-Za-z]/g,'').replace(/\\r/g,'');\n"
        "at('about').textContent=new Date(c.from).toLocaleString()+' to '+new Date(c.to).toLocaleString();\n"
        "time.max=c.to-c.from;\n"
        "const rows=c.lines.map((l)=>{const own=l.type==='console',e=document.createElement('span');\n"
        "e.textContent=own?plain(l.text||atob(l.base64)):((l.t-c.from)/1000).toFixed(3)+' "
        "'+(l.type==='input'?(l.user||'somebody')+', '+l.interface+': "
        "'+(l.events?JSON.stringify(l.events):l.text):"
        "(l.event||l.stream)+' "
        "'+(l.type==='sample'?l.value+' '+(l.unit||''):JSON.stringify(l.data||{})))+'\\n';\n"
        "at(own?'console':'events').append(e);return{t:l.t-c.from,e,own}});\n"
        "const show=(ms)=>{for(const r of rows)r.e.classList.toggle('later',r.t>ms);"
        "for(const own of[true,false]){const past=rows.filter((r)=>r.own===own&&r.t<=ms).pop();"
        "if(past){const "
        "box=past.e.parentNode;box.scrollTop=past.e.offsetTop-box.offsetTop-box.clientHeight/2}}"
        "at('now').textContent=(ms/1000).toFixed(3)+' s'};\n"
        "film.ontimeupdate=()=>{time.value=film.currentTime*1000;show(film.currentTime*1000)};\n"
        "time.oninput=()=>{film.currentTime=time.value/1000;show(+time.value)};\n"
        "film.onerror=()=>film.remove();show(0);\n"
        "</script></html>\n";

static void octal(char *to, gsize size, guint64 n)
{
        for (gsize i = size - 1; i > 0; i--, n /= 8)
                to[i - 1] = (char)('0' + n % 8);
}

static void head(TbParts *parts, const char *folder, const char *name, gint64 size, gint64 at_s)
{
        char h[RECORD] = {0};
        g_snprintf(h, 100, "%s/%s", folder, name);
        octal(h + 100, 8, 0644);
        octal(h + 108, 8, 0);
        octal(h + 116, 8, 0);
        octal(h + 124, 12, (guint64)size);
        octal(h + 136, 12, (guint64)MAX(at_s, 0));
        memset(h + 148, ' ', 8);
        h[156] = '0';
        g_strlcpy(h + 257, "ustar", 6);
        h[263] = h[264] = '0'; /* version */
        guint sum = 0;
        for (gsize i = 0; i < RECORD; i++)
                sum += (guchar)h[i];
        octal(h + 148, 7, sum);
        tb_parts_memory(parts, h, RECORD);
}

static void pad(TbParts *parts, gint64 size)
{
        static const char zeros[RECORD];
        if (size % RECORD)
                tb_parts_memory(parts, zeros, (gsize)(RECORD - size % RECORD));
}

static void text(TbParts *parts, const char *folder, const char *name, const char *bytes, gint64 at_s)
{
        gsize size = strlen(bytes);
        head(parts, folder, name, (gint64)size, at_s);
        tb_parts_memory(parts, bytes, size);
        pad(parts, (gint64)size);
}

static void file(TbParts *parts, const char *folder, const char *dir, const char *name, gint64 at_s)
{
        g_autofree char *path = g_build_filename(dir, name, NULL);
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        gint64 size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
        if (size >= 0) {
                head(parts, folder, name, size, at_s);
                tb_parts_file(parts, fd);
                pad(parts, size);
        } else if (fd >= 0) {
                close(fd);
        }
}

bool tb_parts_bundle(TbParts *parts, const char *dir, const char *name, const json_t *clip)
{
        gint64 at_s = json_integer_value(json_object_get(clip, "to")) / 1000;
        g_autofree char *about = tb_json_text(clip, NULL);
        text(parts, name, "index.html", page, at_s);
        text(parts, name, "clip.json", about ? about : "{}", at_s);
        for (guint i = 0; i < TB_CUT_FILES; i++)
                file(parts, name, dir, tb_cut_names[i], at_s);
        file(parts, name, dir, "thumb.jpg", at_s);
        static const char end[2 * RECORD];
        tb_parts_memory(parts, end, sizeof end);
        return g_file_test(dir,
                           G_FILE_TEST_IS_DIR); /* it goes in one step: all was there when it was opened */
}
