# Draws docs/adder-growth.svg from docs/adder-growth.dat; run from the repository's folder.
set terminal svg size 820,520 font "sans-serif,13" background rgb "white"
set output "docs/adder-growth.svg"
set logscale xy
set xlabel "weights of an n x n matrix, 8 bits"
set ylabel "seconds, two cores"
set format x "10^{%L}"
set grid
set key top left
set datafile missing "-"
plot "docs/adder-growth.dat" using 2:3 with linespoints lw 2 pt 7 title "effort 0", \
  "" using 2:6 with linespoints lw 2 pt 5 title "effort 1", \
  "" using 2:9 with linespoints lw 2 pt 9 title "da4ml 0.6.0, one split", \
  3e-7 * x**1.3 with lines dt 2 title "slope 1.3"
