/*
 * Conjugate gradient after HPCCG (Mantevo): a 27-point operator on a box of nx × ny × nz points per rank, stored as a
 * sparse matrix; the boxes are stacked in z. All of the solution is 1. What a rank needs of its neighbours it reads
 * from their memory (SMARTMAP).
 *   hpccg [N [ITERATIONS]]
 */
#include "platform.h"

static int n, rows, plane;
static int *row_start, *columns;
static double *values, *b, *x, *r, *p, *ap;

/* A vector has the plane below, the rows of this rank, and the plane above. */
static int vector_length(void) { return rows + 2 * plane; }

static void build(void) {
  int entries = 0, first = rank() == 0, last = rank() == size() - 1;
  row_start = allocate((unsigned)(rows + 1) * sizeof *row_start);
  columns = allocate((unsigned)rows * 27 * sizeof *columns);
  values = allocate((unsigned)rows * 27 * sizeof *values);
  for (int z = 0, row = 0; z < n; z++)
    for (int y = 0; y < n; y++)
      for (int i = 0; i < n; i++, row++) {
        row_start[row] = entries;
        for (int dz = -1; dz <= 1; dz++)
          for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
              int cz = z + dz, cy = y + dy, cx = i + dx;
              if (cx < 0 || cx >= n || cy < 0 || cy >= n || (cz < 0 && first) || (cz >= n && last)) continue;
              columns[entries] = (cz + 1) * plane + cy * n + cx;
              values[entries++] = dz == 0 && dy == 0 && dx == 0 ? 27.0 : -1.0;
            }
        b[row] = 27.0 - (double)(entries - row_start[row] - 1);
      }
  row_start[rows] = entries;
}

static void exchange(double *vector) {
  unsigned bytes = (unsigned)plane * sizeof *vector;
  barrier();
  if (rank() > 0) peer_read(rank() - 1, vector, vector + rows, bytes);
  if (rank() < size() - 1) peer_read(rank() + 1, vector + plane + rows, vector + plane, bytes);
}

static void multiply(const double *vector, double *result) {
  for (int row = 0; row < rows; row++) {
    double total = 0;
    for (int entry = row_start[row]; entry < row_start[row + 1]; entry++)
      total += values[entry] * vector[columns[entry]];
    result[row] = total;
  }
}

static double dot(const double *left, const double *right) {
  double total = 0;
  for (int i = 0; i < rows; i++) total += left[i] * right[i];
  sum(&total, 1);
  return total;
}

static double root(double value) {
  double guess = value > 1 ? value : 1;
  for (int i = 0; i < 200 && value > 0; i++) guess = (guess + value / guess) / 2;
  return value > 0 ? guess : 0;
}

int program(void) {
  n = argument(1, 20);
  int iterations = argument(2, 100), done = 0;
  if (n < 2 || n > 100) {
    print("hpccg [N [ITERATIONS]]: N points in each direction, 2 to 100\n");
    return 2;
  }
  plane = n * n;
  rows = plane * n;
  unsigned bytes = (unsigned)vector_length() * sizeof(double);
  b = allocate(bytes), x = allocate(bytes), r = allocate(bytes), p = allocate(bytes), ap = allocate(bytes);
  double *own = p + plane;
  build();
  for (int i = 0; i < rows; i++) x[i] = 0, r[i] = own[i] = b[i];

  double rho = dot(r, r), begin = clock_ns();
  while (done < iterations && rho > 1e-24) {
    exchange(p);
    multiply(p, ap);
    double alpha = rho / dot(own, ap);
    for (int i = 0; i < rows; i++) x[i] += alpha * own[i], r[i] -= alpha * ap[i];
    double before = rho;
    rho = dot(r, r);
    double beta = rho / before;
    for (int i = 0; i < rows; i++) own[i] = r[i] + beta * own[i];
    done++;
  }
  double seconds = (clock_ns() - begin) / 1e9, error = 0;
  for (int i = 0; i < rows; i++) error += (x[i] - 1) * (x[i] - 1);
  sum(&error, 1);
  error = root(error / ((double)rows * size()));
  if (rank() == 0) {
    print_integer(done);
    print(" iterations, ");
    print_number(done / seconds, 2);
    print(" iterations/s, residual ");
    print_number(root(rho), 9);
    print(", error ");
    print_number(error, 9);
    print("\n");
  }
  return error < 1e-3 || done < 10 ? 0 : 1;
}
