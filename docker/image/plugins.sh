#!/bin/sh
# plugins.sh FOLDER NAME...: these GStreamer plugins, out of the packages that are installed here, into FOLDER as they lie below /, each package's
# licence beside them.
set -eu
folder=$1
shift
place=/usr/lib/$(gcc -print-multiarch)/gstreamer-1.0
for name; do
	file=$place/libgst$name.so
	package=$(dpkg-query -S "$file" | cut -d: -f1)
	install -Dm644 -t "$folder$place" "$file"
	install -Dm644 -t "$folder/usr/share/doc/$package" "/usr/share/doc/$package/copyright"
done
